#include "tools/io/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/error.h"

namespace ndl::tools {
namespace {

std::string save(const std::string& text) {
  const std::string path = testing::TempDir() + "file_test.txt";
  write_file(path, text);
  return path;
}

TEST(ReadText, ReadsUpToItsLimit) {
  EXPECT_EQ(read_text(save("")), "");
  EXPECT_EQ(read_text(save("0123456789"), 10), "0123456789");
  EXPECT_THROW(read_text(save("0123456789"), 9), IoError);
  const std::string text(1 << 18, 'x');
  EXPECT_EQ(read_text(save(text)), text);
  EXPECT_EQ(read_text("/proc/self/status").substr(0, 5), "Name:");  // of a size not known before
}

TEST(ReadText, ReadsOneByteBeyondItsLimitAndNoMore) {
  for (const std::size_t limit : {std::size_t{10}, std::size_t{1} << 17}) {
    EXPECT_THROW(read_text("/dev/zero", limit), IoError);
  }
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], std::string(100, 'x').data(), 100), 100);
  ::close(ends[1]);
  EXPECT_THROW(read_text("/dev/fd/" + std::to_string(ends[0]), 10), IoError);
  char rest[100];
  EXPECT_EQ(::read(ends[0], rest, sizeof(rest)), 89);
  ::close(ends[0]);
}

TEST(InputFile, OnlyARegularFileIfSoAsked) {
  EXPECT_NO_THROW(InputFile(save("x"), FileKind::kRegular));
  EXPECT_THROW(InputFile("/dev/zero", FileKind::kRegular), IoError);
  EXPECT_THROW(InputFile("/", FileKind::kRegular), IoError);
}

}  // namespace
}  // namespace ndl::tools
