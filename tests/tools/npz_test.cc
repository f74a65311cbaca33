// Archives of bytes written out from the zip format (APPNOTE.TXT), not by libzip.
#include "tools/io/npz.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "tools/io/file.h"
#include "tools/io/npy.h"

namespace ndl::tools {
namespace {

using ir::Literal;

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value & 0xff);
  return text;
}

std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

struct Entry {
  std::string name;
  std::string contents;
  int method = 0;          // 0 stored, 8 deflated
  std::uint64_t size = 0;  // what the headers say; 0: the truth
};

// One block of Deflate that is stored.
std::string deflate(const std::string& bytes) {
  const auto size = static_cast<std::uint64_t>(bytes.size());
  return "\x01" + little_endian(size, 2) + little_endian(~size, 2) + bytes;
}

std::string archive(const std::vector<Entry>& entries) {
  std::string bytes;
  std::string directory;
  for (const Entry& entry : entries) {
    const std::string data = entry.method == 8 ? deflate(entry.contents) : entry.contents;
    const std::string common =
        little_endian(20, 2) + little_endian(0, 2) +
        little_endian(static_cast<std::uint64_t>(entry.method), 2) + little_endian(0, 2) +
        little_endian(0x21, 2) + little_endian(crc32(entry.contents), 4) +
        little_endian(data.size(), 4) +
        little_endian(entry.size == 0 ? entry.contents.size() : entry.size, 4) +
        little_endian(entry.name.size(), 2) + little_endian(0, 2);
    directory += "PK\x01\x02" + little_endian(20, 2) + common + little_endian(0, 10) +
                 little_endian(bytes.size(), 4) + entry.name;
    bytes += "PK\x03\x04" + common + entry.name + data;
  }
  return bytes + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) +
         little_endian(entries.size(), 2) + little_endian(directory.size(), 4) +
         little_endian(bytes.size(), 4) + little_endian(0, 2);
}

std::string save(const std::string& bytes) {
  const std::string path = testing::TempDir() + "npz_test.npz";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string message_of(const std::string& path, const std::string& key) {
  try {
    read_npz(path, key);
  } catch (const IoError& error) {
    return error.message();
  }
  return "no IoError";
}

const Literal kX = Literal::dense<float>({3}, {100, 100, 101});
const Literal kY = Literal::dense<std::int8_t>({2, 2}, {1, 2, 3, 4});

TEST(Npz, ReadsStoredAndDeflated) {
  const std::string path =
      save(archive({{"x.npy", encode_npy(kX), 0}, {"y.npy", encode_npy(kY), 8}}));
  EXPECT_EQ(read_npz(path, "x"), kX);
  EXPECT_EQ(read_npz(path, "y"), kY);
}

TEST(Npz, AMissingKeyListsTheKeys) {
  const std::string path = save(archive({{"x.npy", encode_npy(kX)}, {"y.npy", encode_npy(kY)}}));
  EXPECT_NE(message_of(path, "z").find("has no 'z'; it has: x, y"), std::string::npos);
}

TEST(Npz, RefusesDamage) {
  const std::string whole = archive({{"x.npy", encode_npy(kX), 8}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(read_npz(save(whole.substr(0, size)), "x"), IoError) << size;
  }
  std::string flipped = archive({{"x.npy", encode_npy(kX)}});
  flipped[flipped.find("\xc8\x42")] ^= 1;  // an element: 100 is 42c80000
  EXPECT_NE(message_of(save(flipped), "x").find("CRC"), std::string::npos);
}

TEST(Npz, RefusesSizesThatCannotBe) {
  for (const int method : {0, 8}) {
    const Entry lie{"x.npy", encode_npy(kX), method, 0xfffffff0};
    EXPECT_THROW(read_npz(save(archive({lie})), "x"), IoError) << method;
  }
}

TEST(Npz, NamesTheEntryOfAnErrorInside) {
  const std::string path = save(archive({{"x.npy", encode_npy(kX) + "!"}}));
  EXPECT_EQ(message_of(path, "x"), display_path(path) + ":x: byte 140: 1 bytes follow the data");
}

TEST(Npz, RefusesWhatIsNoArchive) {
  EXPECT_THROW(read_npz(save("hello"), "x"), IoError);
  EXPECT_THROW(read_npz("/does/not/exist.npz", "x"), IoError);
  EXPECT_THROW(read_npz("/", "x"), IoError);
}

TEST(Npz, LeavesNoFileOpen) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  const std::string path = save(archive({{"x.npy", encode_npy(kX)}}));
  EXPECT_EQ(read_npz(path, "x"), kX);
  EXPECT_THROW(read_npz(path, "y"), IoError);
  EXPECT_THROW(read_npz(save("hello"), "x"), IoError);
  EXPECT_EQ(open_files(), before);
}

TEST(Npz, APipeIsRefusedAtOnce) {
  const std::string path = testing::TempDir() + "npz_test_pipe.npz";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(message_of(path, "x"), "cannot read '" + display_path(path) + "': not a regular file");
}

TEST(Npz, ATypeThatIsNotWantedIsRefusedBeforeItsDataIsRead) {
  std::string bytes = archive({{"x.npy", encode_npy(kX)}});
  bytes[bytes.find("\xc8\x42")] ^= 1;  // reading all of it finds the damage
  const auto refuse = [](const ir::TensorType& type) {
    throw_error<ShapeError>("{}", type.to_string());
  };
  EXPECT_THROW(read_npz(save(bytes), "x", refuse), ShapeError);
}

TEST(Npz, AnEmptyArchive) {
  const std::string bytes = encode_npz({});
  EXPECT_EQ(bytes, archive({}));
  EXPECT_NE(message_of(save(bytes), "x").find("it has: nothing"), std::string::npos);
}

TEST(Npz, ReadsWhatItWrites) {
  const std::string path = save(encode_npz({{"out0", kX}, {"out1", kY}}));
  EXPECT_EQ(read_npz(path, "out0"), kX);
  EXPECT_EQ(read_npz(path, "out1"), kY);
}

TEST(Npz, WritesStoredEntriesOfTheSameBytesEachTime) {
  const std::string bytes = encode_npz({{"out0", kX}});
  EXPECT_EQ(bytes, encode_npz({{"out0", kX}}));
  EXPECT_EQ(bytes.substr(0, 4), "PK\x03\x04");
  EXPECT_EQ(bytes.substr(8, 2), std::string(2, '\0'));  // method: stored
  EXPECT_NE(bytes.find("out0.npy" + encode_npy(kX)), std::string::npos);
}

}  // namespace
}  // namespace ndl::tools
