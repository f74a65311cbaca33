// The documentation tells the truth: generated pages are what the tables say, commands print what
// is shown below them, and graphs in the text parse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/text.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "ir/verifier.h"
#include "tests/tools/cli.h"

namespace ndl {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The contents of the fenced blocks of a Markdown file, with what follows the opening fence.
struct Block {
  std::string language;
  std::string text;
};

std::vector<Block> blocks_of(const std::string& path) {
  std::vector<Block> blocks;
  bool inside = false;
  const std::string markdown = read(path);
  for (const std::string_view line : split(markdown, '\n')) {
    if (line.starts_with("```")) {
      if (!inside) blocks.push_back({std::string(line.substr(3)), ""});
      inside = !inside;
    } else if (inside) {
      blocks.back().text += std::string(line) + "\n";
    }
  }
  return blocks;
}

struct GeneratedPage {
  const char* path;
  const char* command;
};

class GeneratedPageTest : public testing::TestWithParam<GeneratedPage> {};

TEST_P(GeneratedPageTest, IsUpToDate) {
  const auto outcome = tools::test::run({.arguments = {GetParam().command, "--md"}});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(read(GetParam().path), outcome.out)
      << "run: ndl " << GetParam().command << " --md > " << GetParam().path;
}

INSTANTIATE_TEST_SUITE_P(Pages, GeneratedPageTest,
                         testing::Values(GeneratedPage{"docs/ops.md", "ops"},
                                         GeneratedPage{"docs/passes.md", "passes"}),
                         [](const auto& info) { return std::string(info.param.command); });

class PageTest : public testing::TestWithParam<const char*> {};

TEST_P(PageTest, GraphsParseAndPrintAsShown) {
  for (const Block& block : blocks_of(GetParam())) {
    if (!block.text.starts_with("needle 1\n") || !block.text.ends_with("}\n")) continue;
    const ir::Graph graph = ir::parse(block.text, GetParam());
    ir::verify(graph);
    EXPECT_EQ(ir::print(graph), block.text);
  }
}

// The words of a command line; quotes group, as in a shell.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

TEST_P(PageTest, CommandsPrintWhatIsShown) {
  for (const Block& block : blocks_of(GetParam())) {
    std::string command;
    std::string shown;
    const auto check = [&] {
      const std::size_t start = command.find("/ndl ");
      if (start == std::string::npos) return;
      std::vector<std::string> words = words_of(command.substr(start + 5));
      const auto outcome = tools::test::run({.arguments = words});
      EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.err;
      if (!shown.empty()) {
        EXPECT_EQ(outcome.out, shown) << command;
      }
    };
    for (const std::string_view line : split(block.text, '\n')) {
      if (line.starts_with("$ ")) {
        check();
        command = line;
        shown.clear();
      } else if (!line.empty()) {
        shown += std::string(line) + "\n";
      }
    }
    check();
  }
}

std::string page_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Pages, PageTest,
                         testing::Values("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
                                         "docs/cli.md", "docs/ir.md", "docs/ops.md",
                                         "docs/passes.md"),
                         page_name);

// What a program prints.
std::string output_of(const std::string& path) {
  std::string printed;
  FILE* program = popen(path.c_str(), "r");
  EXPECT_NE(program, nullptr);
  for (int c = std::fgetc(program); c != EOF; c = std::fgetc(program)) {
    printed += static_cast<char>(c);
  }
  EXPECT_EQ(pclose(program), 0);
  return printed;
}

TEST(Accuracy, PageIsUpToDate) {
  EXPECT_EQ(read("docs/accuracy.md"), output_of("tests/math/accuracy_page"))
      << "run: bazel run //tests/math:accuracy_page > docs/accuracy.md";
}

TEST(Stability, PageIsUpToDate) {
  EXPECT_EQ(read("docs/stability.md"), output_of("tests/passes/stability_page"))
      << "run: bazel run //tests/passes:stability_page > docs/stability.md";
}

TEST(Fusion, PageIsUpToDate) {
  EXPECT_EQ(read("docs/fusion.md"), output_of("tests/needle/fusion_page"))
      << "run: bazel run //tests/needle:fusion_page > docs/fusion.md";
}

TEST(Examples, PrintWhatTheyDid) {
  for (const char* name : {"lecture8", "custom_op", "delay"}) {
    const std::string path = std::string("examples/") + name;
    EXPECT_EQ(output_of(path), read(path + ".out"))
        << "run: bazel run //examples:" << name << " > examples/" << name << ".out";
  }
}

// The C++ of README, compiled by the build, prints the block that follows it.
TEST(Readme, ProgramPrintsWhatIsShown) {
  const std::string printed = output_of("tests/docs/readme_example");
  const std::vector<Block> blocks = blocks_of("README.md");
  const auto source = std::ranges::find(blocks, "cpp", &Block::language);
  ASSERT_LT(source - blocks.begin() + 1, std::ssize(blocks));
  EXPECT_EQ(printed, (source + 1)->text);
}

}  // namespace
}  // namespace ndl
