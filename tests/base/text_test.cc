#include "base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ndl::test {
namespace {

using Names = std::vector<std::string_view>;

// The one way to encode a code point, from the table of RFC 3629.
std::string encode(std::uint32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

bool is_code_point(std::uint32_t c) { return c < 0x110000 && !(c >= 0xd800 && c <= 0xdfff); }

// How many bytes at the start of `text` are a character; 0 if none are. Takes what the lead byte
// promises apart and asks whether encoding it again gives the same bytes.
std::size_t decoded_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  std::uint32_t c = length == 1 ? byte(0) : byte(0) & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) c = c << 6 | (byte(i) & 0x3fu);
  return is_code_point(c) && text.substr(0, length) == encode(c) ? length : 0;
}

std::optional<std::size_t> first_invalid(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = decoded_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

TEST(Utf8Test, EverySequenceOfUpToThreeBytes) {
  std::array<char, 3> bytes{};
  for (std::uint32_t i = 0; i < 0x1000000; ++i) {
    bytes = {static_cast<char>(i), static_cast<char>(i >> 8), static_cast<char>(i >> 16)};
    for (std::size_t size = i < 0x100 ? 1 : i < 0x10000 ? 2 : 3; size <= 3; ++size) {
      const std::string_view text(bytes.data(), size);
      if (find_invalid_utf8(text) != first_invalid(text)) {
        FAIL() << "bytes " << escape_control(text) << ", " << size << " of them";
      }
    }
  }
}

TEST(Utf8Test, EveryCodePointAndNoOther) {
  for (std::uint32_t c = 0; c < 0x200000; ++c) {
    const std::string text = encode(c);
    const auto expected = is_code_point(c) ? std::nullopt : std::optional<std::size_t>(0);
    ASSERT_EQ(find_invalid_utf8(text), expected) << std::hex << c;
    // Cut short it is none, wherever it stands.
    for (std::size_t size = 1; size < text.size(); ++size) {
      ASSERT_EQ(find_invalid_utf8("a" + text.substr(0, size)), 1u) << std::hex << c;
    }
  }
}

TEST(Utf8Test, WhereItIsBroken) {
  EXPECT_EQ(find_invalid_utf8(""), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("gr\xc3\xbc\xc3\x9f"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("ab\x80"), 2u);
  EXPECT_EQ(find_invalid_utf8("\xc3\xbc\xc3"), 2u);
  EXPECT_EQ(find_invalid_utf8("\xf0\x9f\x98\x80\xff"), 4u);
  EXPECT_EQ(find_invalid_utf8("\xc0\xaf"), 0u);          // overlong '/'
  EXPECT_EQ(find_invalid_utf8("\xed\xa0\x80"), 0u);      // surrogate
  EXPECT_EQ(find_invalid_utf8("\xf4\x90\x80\x80"), 0u);  // beyond U+10ffff
  EXPECT_EQ(find_invalid_utf8(std::string_view("a\0b", 3)), std::nullopt);
}

TEST(EscapeTest, ControlCharactersAndBadBytes) {
  EXPECT_EQ(escape_control(""), "");
  EXPECT_EQ(escape_control("gr\xc3\xbc\xc3\x9f \\ \""), "gr\xc3\xbc\xc3\x9f \\ \"");
  EXPECT_EQ(escape_control("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(escape_control("a\tb\nc\rd"), "a b\\x0ac\\x0dd");
  EXPECT_EQ(escape_control(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(escape_control("a\xff\xfe\xc3"), "a\\xff\\xfe\\xc3");
  EXPECT_EQ(escape_control("\xc3\xbc\x80\xc3\xbc"), "\xc3\xbc\\x80\xc3\xbc");
  EXPECT_EQ(escape_control("\xc2\x9b"
                           "31m\xc2\xa0"),
            "\\u009b31m\xc2\xa0");  // CSI in 8 bits
  EXPECT_EQ(escape_control("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(EscapeTest, NothingDrivesATerminal) {
  for (std::uint32_t i = 0; i < 0x1000000; i += 7) {
    const std::string text = {static_cast<char>(i), static_cast<char>(i >> 8),
                              static_cast<char>(i >> 16)};
    const std::string escaped = escape_control(text);
    ASSERT_EQ(find_invalid_utf8(escaped), std::nullopt);
    for (std::size_t k = 0; k < escaped.size(); ++k) {
      const auto byte = static_cast<unsigned char>(escaped[k]);
      ASSERT_TRUE(byte >= 0x20 && byte != 0x7f) << escaped;
      ASSERT_TRUE(byte != 0xc2 || static_cast<unsigned char>(escaped[k + 1]) >= 0xa0) << escaped;
    }
    ASSERT_EQ(escape_control(escaped), escaped);
  }
}

TEST(EscapeTest, TimeIsLinear) {
  const std::string bad(1 << 20, '\xff');
  EXPECT_EQ(escape_control(bad).size(), 4 * bad.size());
}

TEST(DisplayWidthTest, OneColumnACodePoint) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("gr\xc3\xbc\xc3\x9f"), 4u);
  EXPECT_EQ(display_width("\xe2\x82\xac\xf0\x9f\x98\x80"), 2u);
}

TEST(ExcerptTest, CutsBetweenCharacters) {
  EXPECT_EQ(excerpt("short"), "short");
  EXPECT_EQ(excerpt(std::string(40, 'a')), std::string(40, 'a'));
  EXPECT_EQ(excerpt(std::string(41, 'a')), std::string(40, 'a') + "...");
  EXPECT_EQ(excerpt("abcdef", 3), "abc...");
  EXPECT_EQ(excerpt("abc", 3), "abc");
  EXPECT_EQ(excerpt("abc", 0), "...");
  EXPECT_EQ(excerpt("ab\xc3\xbc"
                    "c",
                    3),
            "ab...");
  EXPECT_EQ(excerpt("ab\xc3\xbc"
                    "c",
                    4),
            "ab\xc3\xbc...");
  EXPECT_EQ(excerpt("\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 7), "\xf0\x9f\x98\x80...");
  EXPECT_EQ(excerpt("a\nb", 10), "a\\x0ab");
  EXPECT_EQ(excerpt("\x1b[2Jxyz", 4), "\\x1b[2J...");
}

TEST(ExcerptTest, ShowsBytesThatAreNotUtf8) {
  // A cut steps back over one character at most.
  EXPECT_EQ(excerpt(std::string(10, '\x80'), 4), "\\x80\\x80\\x80\\x80...");
}

TEST(NearestNameTest, FindsWhatWasMeant) {
  const Names names = {"softmax", "log_softmax", "exp", "expm1", "exp2", "reduce"};
  EXPECT_EQ(nearest_name("sofmax", names), "softmax");
  EXPECT_EQ(nearest_name("softmaxx", names), "softmax");
  EXPECT_EQ(nearest_name("osftmax", names), "softmax");  // two neighbours swapped
  EXPECT_EQ(nearest_name("logsoftmax", names), "log_softmax");
  EXPECT_EQ(nearest_name("exp", names), "exp");
  EXPECT_EQ(nearest_name("expm2", names), "expm1");  // the first of those equally near
  EXPECT_EQ(nearest_name("redcue", names), "reduce");
}

TEST(NearestNameTest, IsEmptyWhenNothingIsNear) {
  const Names names = {"softmax", "exp"};
  EXPECT_EQ(nearest_name("convolution", names), "");
  EXPECT_EQ(nearest_name("xyz", names), "");
  EXPECT_EQ(nearest_name("softmax", {}), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(10'000, 's'), names), "");
}

TEST(SplitTest, KeepsEmptyParts) {
  EXPECT_EQ(split("a,b,c", ','), (Names{"a", "b", "c"}));
  EXPECT_EQ(split("a,,c,", ','), (Names{"a", "", "c", ""}));
  EXPECT_EQ(split("", ','), (Names{""}));
  EXPECT_EQ(split(",", ','), (Names{"", ""}));
  EXPECT_EQ(split("abc", ','), (Names{"abc"}));
}

TEST(TrimTest, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim("ab"), "ab");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
}

}  // namespace
}  // namespace ndl::test
