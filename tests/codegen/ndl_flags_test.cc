// Any program shows what NDL_FLAGS asks for when it compiles a graph. The variable is read once, so
// this is one test.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "codegen/program.h"
#include "ir/parser.h"

namespace ndl::codegen {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(NdlFlags, ShowWhatProgramsCompile) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "dumps";
  std::filesystem::remove_all(folder);
  const std::string flags =
      "--print-after=fuse --timing --disable=neg-neg --dump-to=" + folder.string();
  const ir::Graph graph = ir::parse(
      "needle 1\n\ngraph f(%x: f32[4]) -> f32[4] {\n  %0 = neg(%x) : f32[4]\n  %1 = neg(%0) : "
      "f32[4]\n  return %1\n}\n");
  setenv("NDL_FLAGS", "--no-such-flag", 1);
  EXPECT_THROW(compile(graph), UsageError);
  setenv("NDL_FLAGS", flags.c_str(), 1);
  testing::internal::CaptureStderr();
  compile_cached(graph);
  compile_cached(graph);  // known, so nothing is shown
  compile(graph);
  const std::string shown = testing::internal::GetCapturedStderr();
  const std::size_t first = shown.find("// fuse (pass 4)");
  EXPECT_NE(first, std::string::npos) << shown;
  EXPECT_EQ(shown.find("// canonicalize"), std::string::npos) << shown;
  EXPECT_NE(shown.find("neg(", first), std::string::npos) << shown;
  EXPECT_NE(shown.find("total", first), std::string::npos) << shown;
  for (const char* program : {"0000-f", "0001-f"}) {
    EXPECT_NE(contents(folder / program / "00-input.ndl").find("graph f"), std::string::npos);
    EXPECT_NE(contents(folder / program / "04-fuse.ndl").find("fusion"), std::string::npos);
    EXPECT_NE(contents(folder / program / "kernels.loops").find("kernel "), std::string::npos);
    EXPECT_NE(contents(folder / program / "kernels.ll").find("define "), std::string::npos);
    EXPECT_NE(contents(folder / program / "kernels.s").find("ret"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "0002-f"));
}

}  // namespace
}  // namespace ndl::codegen
