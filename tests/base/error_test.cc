#include "base/error.h"

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

#include "base/text.h"

namespace ndl::test {
namespace {

std::string rendered(int column, const std::string& line) {
  return Diagnostic{{"m.ndl", 7, column}, "unexpected ']'", line}.render("error");
}

// The last two lines of a diagnostic.
struct Snippet {
  std::string line;
  std::string caret;
};

Snippet snippet(int column, const std::string& line) {
  const std::string text = rendered(column, line);
  const std::size_t second = text.rfind('\n');
  const std::size_t first = text.rfind('\n', second - 1);
  return {text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// The character of the shown line that the caret stands below.
std::string above_caret(const Snippet& shown) {
  std::string_view rest = shown.line;
  for (std::size_t i = 1; i < shown.caret.size(); ++i) {
    do {
      rest.remove_prefix(1);
    } while (!rest.empty() && is_utf8_continuation(rest[0]));
  }
  return std::string(rest);
}

TEST(DiagnosticTest, PlaceMessageLineAndCaret) {
  EXPECT_EQ(rendered(3, "x = ]"), "m.ndl:7:3: error: unexpected ']'\n  x = ]\n    ^");
  EXPECT_EQ(rendered(1, "x = ]"), "m.ndl:7:1: error: unexpected ']'\n  x = ]\n  ^");
  // The end of the line, and what lies beyond it.
  EXPECT_EQ(rendered(6, "x = ]"), "m.ndl:7:6: error: unexpected ']'\n  x = ]\n       ^");
  EXPECT_EQ(snippet(1000, "x = ]").caret, "       ^");
}

TEST(DiagnosticTest, PartsThatAreUnknownAreLeftOut) {
  EXPECT_EQ((Diagnostic{{}, "no place", ""}.render("error")), "no place");
  EXPECT_EQ((Diagnostic{{"m.ndl", 7, 2}, "no line", ""}.render("warning")),
            "m.ndl:7:2: warning: no line");
  EXPECT_EQ((Diagnostic{{"m.ndl", 7, 0}, "no column", "abc"}.render("error")),
            "m.ndl:7: error: no column\n  abc\n  ^");
}

TEST(DiagnosticTest, TheCaretStandsBelowTheColumn) {
  EXPECT_EQ(above_caret(snippet(2, "a]")), "]");
  EXPECT_EQ(above_caret(snippet(5, "\t\ta ]")), "]");            // a tab takes one column
  EXPECT_EQ(above_caret(snippet(5, "\xc3\xbc\xc3\xbc]")), "]");  // a column counts bytes
  EXPECT_EQ(above_caret(snippet(3, "\x1b\x01]")), "]");          // each shown as four characters
  EXPECT_EQ(above_caret(snippet(3, "\xff\x80]")), "]");
}

TEST(DiagnosticTest, ALineDrivesNoTerminal) {
  EXPECT_EQ(snippet(1, "\x1b[31m\tred").line, "  \\x1b[31m red");
}

TEST(DiagnosticTest, ALongLineIsCutAroundTheColumn) {
  std::string line(100'000, 'a');
  for (const int column : {1, 50, 81, 500, 50'000, 99'950, 100'000}) {
    line[static_cast<std::size_t>(column) - 1] = ']';
    const Snippet shown = snippet(column, line);
    EXPECT_LE(shown.line.size(), 170u) << column;
    EXPECT_EQ(above_caret(shown)[0], ']') << column;
    line[static_cast<std::size_t>(column) - 1] = 'a';
  }
}

TEST(DiagnosticTest, ALongLineIsCutBetweenCharacters) {
  for (int offset = 0; offset < 8; ++offset) {
    std::string line(static_cast<std::size_t>(offset), 'a');
    for (int i = 0; i < 1000; ++i) line += "\xf0\x9f\x98\x80";
    const std::string shown = snippet(offset + 2001, line).line;
    EXPECT_LE(shown.size(), 170u);
    EXPECT_EQ(shown.find("\\x"), std::string::npos) << shown;
  }
}

TEST(DiagnosticTest, ALongLineOfBytesThatAreNotUtf8IsCutToo) {
  const std::string line(100'000, '\x80');
  for (const int column : {1, 500, 50'000, 100'000}) {
    const Snippet shown = snippet(column, line);
    EXPECT_LE(shown.line.size(), 4 * 170u) << column;
    EXPECT_EQ(shown.caret.back(), '^');
  }
}

TEST(ErrorTest, WhatIsTheRenderedDiagnostic) {
  const ShapeError plain("matmul: inner dimensions differ");
  EXPECT_STREQ(plain.what(), "matmul: inner dimensions differ");
  EXPECT_EQ(plain.message(), "matmul: inner dimensions differ");
  const ParseError placed(Diagnostic{{"m.ndl", 1, 2}, "unexpected ']'", "x]"});
  EXPECT_STREQ(placed.what(), "m.ndl:1:2: error: unexpected ']'\n  x]\n   ^");
  EXPECT_EQ(placed.message(), "unexpected ']'");
  EXPECT_EQ(placed.diagnostic().location, (SourceLocation{"m.ndl", 1, 2}));
}

TEST(ErrorTest, ThrowErrorFormats) {
  try {
    throw_error<DTypeError>("{}: {} is not allowed", "exp", "i32");
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_EQ(error.message(), "exp: i32 is not allowed");
  }
}

template <class E>
class RethrowTest : public testing::Test {};
#define NDL_X(Class, meaning) , Class
using Errors = testing::Types<Error NDL_FOR_EACH_ERROR(NDL_X)>;
#undef NDL_X
TYPED_TEST_SUITE(RethrowTest, Errors);

TYPED_TEST(RethrowTest, KeepsClassAndMessage) {
  const TypeParam original("add: shapes differ");
  const Error& base = original;
  try {
    base.rethrow_at({{"m.ndl", 3, 5}, "", "  %0 = add(%a, %b)"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(typeid(error), typeid(TypeParam));
    EXPECT_EQ(error.message(), "add: shapes differ");
    EXPECT_EQ(error.diagnostic().location, (SourceLocation{"m.ndl", 3, 5}));
    EXPECT_STREQ(error.what(),
                 "m.ndl:3:5: error: add: shapes differ\n    %0 = add(%a, %b)\n      ^");
  }
}

TEST(CheckTest, PassesOrThrowsAnInternalErrorThatShowsTheCondition) {
  const int a = 3;
  EXPECT_NO_THROW(NDL_CHECK(a == 3));
  EXPECT_NO_THROW(NDL_CHECK(a == 3, "a is {}", a));
  try {
    NDL_CHECK(a < 2, "a is {}", a);
    FAIL();
  } catch (const InternalError& error) {
    const std::string_view what = error.what();
    EXPECT_NE(what.find("error_test.cc:"), what.npos) << what;
    EXPECT_NE(what.find("a < 2 does not hold: a is 3"), what.npos) << what;
  }
  EXPECT_THROW(NDL_CHECK(a < 2), InternalError);
}

TEST(SourceLocationTest, ToStringLeavesOutWhatIsUnknown) {
  EXPECT_EQ((SourceLocation{"model.cc", 12, 7}.to_string()), "model.cc:12:7");
  EXPECT_EQ((SourceLocation{"model.cc", 12, 0}.to_string()), "model.cc:12");
  EXPECT_EQ((SourceLocation{"model.cc", 0, 0}.to_string()), "model.cc");
}

}  // namespace
}  // namespace ndl::test
