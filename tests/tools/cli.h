// Runs the command line as its users do, on graphs that its tests share.
#pragma once

#include <string>
#include <vector>

namespace ndl::tools::test {

struct Invocation {
  std::vector<std::string> arguments;
  std::string input = "";        // standard input
  std::string output_path = "";  // where standard output goes; "": it is captured
  bool close_output = false;     // nobody reads standard output
  std::string flags = "";        // NDL_FLAGS
};

struct Outcome {
  int code = -1;  // -1 if a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

// ndl with these arguments.
Outcome run(const Invocation& invocation);

// A file of the test's own folder.
std::string path_of(const std::string& name);
// Writes such a file; its path.
std::string save(const std::string& name, const std::string& text);
std::string contents(const std::string& path);
bool contains(const std::string& text, const std::string& part);

// Expects success with this on standard output and nothing on standard error.
void expect_output(const Outcome& outcome, const std::string& out);
// Expects this exit code, nothing on standard output, and these parts on standard error.
void expect_error(const Outcome& outcome, int code, const std::vector<std::string>& parts);

inline const std::string kNaive =
    "needle 1\n\n"
    "graph softmax_naive(%x: f32[3]) -> f32[3] {\n"
    "  %0 = exp(%x) : f32[3]\n"
    "  %1 = reduce(%0, kind=sum, axes=[0]) : f32[]\n"
    "  %2 = broadcast(%1) : f32[3]\n"
    "  %3 = div(%0, %2) : f32[3]\n"
    "  return %3\n"
    "}\n";

inline const std::string kStable =
    "needle 1\n\n"
    "graph softmax_stable(%x: f32[3]) -> f32[3] {\n"
    "  %0 = reduce(%x, kind=max, axes=[0]) : f32[]\n"
    "  %1 = broadcast(%0) : f32[3]\n"
    "  %2 = sub(%x, %1) : f32[3]\n"
    "  %3 = exp(%2) : f32[3]\n"
    "  %4 = reduce(%3, kind=sum, axes=[0]) : f32[]\n"
    "  %5 = broadcast(%4) : f32[3]\n"
    "  %6 = div(%3, %5) : f32[3]\n"
    "  return %6\n"
    "}\n";

inline const std::string kFused =
    "needle 1\n\n"
    "graph fused(%x: f32[1]) -> (f32[1], f32[1]) {\n"
    "  %0 = fused_add_scalars(%x, scalars=[1, 2]) : (f32[1], f32[1])\n"
    "  return %0\n"
    "}\n";

inline const std::string kAdd =
    "needle 1\n\n"
    "graph add(%x: f32[2], %y: f32[2]) -> f32[2] {\n"
    "  %0 = add(%x, %y) : f32[2]\n"
    "  return %0\n"
    "}\n";

// add(x, 0): canonicalize has something to do.
inline const std::string kNothingAdded =
    "needle 1\n\n"
    "graph f(%x: i32[2]) -> i32[2] {\n"
    "  %0 = constant(0) : i32[2]\n"
    "  %1 = add(%x, %0) : i32[2]\n"
    "  return %1\n"
    "}\n";

}  // namespace ndl::tools::test
