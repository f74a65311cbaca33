// The parser on damaged text: whatever comes in, a graph or an error with a place comes out.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "tests/random_graph.h"

namespace ndl::ir {
namespace {

constexpr int kMutations = 100'000;

std::vector<std::string> golden_files() {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("tests/golden")) {
    if (entry.path().extension() != ".ndl" && entry.path().extension() != ".invalid") continue;
    std::ifstream file(entry.path());
    texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return texts;
}

// Pieces that are more likely to get past the lexer than random bytes are.
const std::vector<std::string> kPieces = {"%",
                                          "%0",
                                          "%x",
                                          "(",
                                          ")",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          ",",
                                          ":",
                                          "=",
                                          "->",
                                          "//",
                                          "\n",
                                          " ",
                                          "-",
                                          "0",
                                          "1",
                                          "-1",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "1e999",
                                          "nan",
                                          "nan(0x7f800001)",
                                          "inf",
                                          "0x1p-1",
                                          "true",
                                          "f32",
                                          "f32[]",
                                          "i64[2]",
                                          "bool[0]",
                                          "(f32[2], i8[])",
                                          "return",
                                          "graph",
                                          "needle 1",
                                          "body(%a: f32[]) {",
                                          "kind=sum",
                                          "axes=[0]",
                                          "axis=0",
                                          "constant(1)",
                                          "[[1, 2], [3, 4]]",
                                          "4294967296",
                                          "add",
                                          "reduce",
                                          "fusion",
                                          "make_tuple",
                                          "\xff",
                                          "\xc3\xa9",
                                          std::string(1, '\0'),
                                          "\xef\xbb\xbf",
                                          "\r\n",
                                          "\t"};

std::string mutate(std::string text, const std::vector<std::string>& corpus, test::Random& random) {
  for (std::int64_t edits = random.between(1, 4); edits > 0; --edits) {
    const auto size = static_cast<std::int64_t>(text.size());
    const auto at = static_cast<std::size_t>(random.between(0, size));
    const auto length =
        static_cast<std::size_t>(random.one_in(4) ? random.between(0, size) : random.between(0, 8));
    switch (random.below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, random.choose(kPieces));
        break;
      case 2:
        text.replace(at, length, random.choose(kPieces));
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      case 5: {
        const std::string& other = random.choose(corpus);
        const auto from = static_cast<std::size_t>(random.between(0, std::int64_t(other.size())));
        text.replace(at, length, other.substr(from, 40));
        break;
      }
    }
  }
  return text;
}

TEST(Mutation, ParsesOrGivesAPlace) {
  const std::vector<std::string> corpus = golden_files();
  ASSERT_FALSE(corpus.empty());
  test::Random random(20261123);
  int parsed = 0;
  for (int i = 0; i < kMutations; ++i) {
    const std::string text = mutate(random.choose(corpus), corpus, random);
    try {
      const Graph graph = parse(text, "f");
      ++parsed;
      ASSERT_EQ(parse(print(graph)), graph) << text;
    } catch (const Error& error) {
      const Diagnostic& diagnostic = error.diagnostic();
      ASSERT_GE(diagnostic.location.line, 1) << error.what() << "\n" << text;
      ASSERT_GE(diagnostic.location.column, 1) << error.what() << "\n" << text;
      ASSERT_EQ(std::string(error.what()).find_first_of('\x1b'), std::string::npos) << text;
    }
  }
  // Both ways out are taken, or the mutations are of no use.
  EXPECT_GT(parsed, kMutations / 100);
  EXPECT_LT(parsed, kMutations * 9 / 10);
}

}  // namespace
}  // namespace ndl::ir
