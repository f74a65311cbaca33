// Runs the files of this folder. A .ndl file is a valid graph with comments that say what to do:
//
//   // RUN: canonicalize             a pipeline; the graph after it follows under OUTPUT
//   // INPUT: x=3xf32="1 2 3"        one a parameter; the values of the result follow under RESULT
//   // OUTPUT:                       each line of the expected text, as a comment
//   // RESULT:
//
// An .invalid file holds text that must be refused; its first line is `// ERROR: ` and what the
// error begins with, without the file's name: "3:12: error: matmul: inner dimensions differ".
//
//   bazel run //tests/golden:golden_test -- --bless      writes what is, as what is expected
//
// Every .ndl file is checked for more: its text is a fixed point of parsing and printing, its
// pipeline is idempotent if it is only canonicalize, and the result of interpreting it is the same
// bits before and after a pipeline of exact passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "passes/pass.h"
#include "tests/same_results.h"
#include "tools/format_literal.h"
#include "tools/random.h"
#include "tools/spec.h"

namespace ndl {
namespace {

namespace fs = std::filesystem;

bool bless = false;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> files_with(std::string_view extension) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator("tests/golden")) {
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string as_comment(std::string_view text) {
  std::string result;
  for (const std::string_view line : split(text, '\n')) {
    result += line.empty() ? "//\n" : "// " + std::string(line) + "\n";
  }
  return result;
}

// A golden file, taken apart.
struct Golden {
  std::string graph;  // up to the first expectation
  std::string pipeline;
  bool has_pipeline = false;
  std::vector<std::string> inputs;
};

Golden take_apart(const std::string& text) {
  Golden golden;
  golden.graph = text.substr(0, std::min(text.find("\n// OUTPUT:"), text.find("\n// RESULT:")));
  while (golden.graph.ends_with('\n')) golden.graph.pop_back();
  golden.graph += '\n';
  for (std::string_view line : split(golden.graph, '\n')) {
    if (line.starts_with("// RUN:")) {
      golden.pipeline = trim(line.substr(7));
      golden.has_pipeline = true;
    } else if (line.starts_with("// INPUT:")) {
      golden.inputs.emplace_back(trim(line.substr(9)));
      std::erase(golden.inputs.back(), '"');  // as a shell would
    }
  }
  return golden;
}

std::string show(const ir::Type& type, std::span<const ir::Literal> result) {
  return type.is_tuple() ? tools::format_tuple(result) : tools::format_literal(result.front());
}

// What the file should be, from what the code does.
std::string actual_text(const Golden& golden, const ir::Graph& after) {
  std::string text = golden.graph;
  if (golden.has_pipeline) text += "\n// OUTPUT:\n" + as_comment(trim(ir::print(after)));
  if (!golden.inputs.empty()) {
    std::vector<ir::Literal> inputs;
    for (const std::string& input : golden.inputs) {
      inputs.push_back(tools::make_literal(tools::parse_spec(input), 0, inputs.size()));
    }
    text += "\n// RESULT:\n" + as_comment(show(after.result_type(), ir::interpret(after, inputs)));
  }
  return text;
}

class GoldenTest : public testing::TestWithParam<fs::path> {
 protected:
  void compare(const std::string& expected, const std::string& actual) {
    if (bless && expected != actual) {
      const char* workspace = std::getenv("BUILD_WORKSPACE_DIRECTORY");
      ASSERT_NE(workspace, nullptr) << "--bless works under 'bazel run'";
      std::ofstream(fs::path(workspace) / GetParam()) << actual;
      return;
    }
    EXPECT_EQ(expected, actual) << GetParam();
  }
};

using ValidFile = GoldenTest;

TEST_P(ValidFile, DoesAsItSays) {
  const std::string text = read(GetParam());
  const Golden golden = take_apart(text);
  const ir::Graph graph = ir::parse(text, GetParam());
  ir::verify(graph);
  const auto pipeline = passes::parse_pipeline(golden.pipeline);
  const ir::Graph after = passes::run_pipeline(graph, pipeline, {.verify_each = true});
  compare(text, actual_text(golden, after));

  for (const ir::Graph* each : {&graph, &after}) {
    const std::string printed = ir::print(*each);
    const ir::Graph parsed = ir::parse(printed);
    EXPECT_EQ(parsed, *each);
    EXPECT_EQ(ir::print(parsed), printed);
  }
  const auto canonicalize = passes::parse_pipeline("canonicalize");
  const ir::Graph once = passes::run_pipeline(after, canonicalize);
  EXPECT_EQ(passes::run_pipeline(once, canonicalize), once) << ir::print(once);
  const bool is_exact = std::ranges::all_of(
      pipeline, [](const passes::PipelineStep& step) { return step.pass->is_exact; });
  for (const std::uint64_t seed : {1, 2, 3}) {
    test::expect_same_results(is_exact ? graph : after, once, seed);
    if (is_exact) test::expect_same_results(graph, after, seed);
  }
}

using InvalidFile = GoldenTest;

TEST_P(InvalidFile, IsRefused) {
  const std::string original = read(GetParam());
  const bool has_expectation = original.starts_with("// ERROR:");
  const std::string text = has_expectation ? original : "// ERROR:\n" + original;
  const std::string file = GetParam();
  std::string message;
  try {
    ir::verify(ir::parse(text, file));
    FAIL() << GetParam() << " is accepted";
  } catch (const Error& error) {
    message = error.what();
  }
  ASSERT_TRUE(message.starts_with(file + ":")) << message;
  const std::string first_line =
      message.substr(file.size() + 1, message.find('\n') - file.size() - 1);
  compare(original, "// ERROR: " + first_line + text.substr(text.find('\n')));
}

std::string case_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = fs::relative(info.param, "tests/golden").replace_extension();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, ValidFile, testing::ValuesIn(files_with(".ndl")), case_name);
INSTANTIATE_TEST_SUITE_P(Files, InvalidFile, testing::ValuesIn(files_with(".invalid")), case_name);

}  // namespace
}  // namespace ndl

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) ndl::bless = ndl::bless || std::string(argv[i]) == "--bless";
  return RUN_ALL_TESTS();
}
