// Files of bytes written out from the format's specification, not by our writer.
#include "tools/io/npy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"

namespace ndl::tools {
namespace {

using ir::Literal;
using ir::Shape;

ByteSource source_of(const std::string& bytes, const std::string& name = "a.npy") {
  auto position = std::make_shared<std::size_t>(0);
  return {name, static_cast<std::int64_t>(bytes.size()),
          [&bytes, position](void* data, std::size_t count) {
            count = std::min(count, bytes.size() - *position);
            std::memcpy(data, bytes.data() + *position, count);
            *position += count;
            return count;
          }};
}

Literal decode(const std::string& bytes) { return decode_npy(source_of(bytes)); }

// A file of format `major`.0 with the header as it is, followed by the data.
std::string file(const std::string& header, const std::string& data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  if (major > 1) bytes += std::string(2, '\0');
  return bytes + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

// The message of the error that decoding throws; "" if it is none of class E.
template <class E>
std::string message_of(const std::string& bytes) {
  try {
    decode(bytes);
  } catch (const E& error) {
    return error.message();
  } catch (const std::exception& error) {
    return std::string("of another class: ") + error.what();
  }
  return "no error";
}

const std::string kTwoFloats("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);  // 1, -2

TEST(Npy, ReadsEveryDType) {
  struct Row {
    std::string descr, data;
    Literal want;
  };
  const auto bits = [](std::uint16_t b) { return Float16{b}; };
  const Row rows[] = {
      {"|b1", std::string("\x01\x00", 2), Literal::dense<bool>({2}, {true, false})},
      {"|i1", "\x7f\x80", Literal::dense<std::int8_t>({2}, {127, -128})},
      {"|u1", "\x01\xff", Literal::dense<std::uint8_t>({2}, {1, 255})},
      {"<i2", std::string("\x00\x01\xff\xff", 4), Literal::dense<std::int16_t>({2}, {256, -1})},
      {"<i4", std::string("\x01\x00\x00\x00\xfe\xff\xff\xff", 8),
       Literal::dense<std::int32_t>({2}, {1, -2})},
      {"<i8", std::string("\x01\x00\x00\x00\x00\x00\x00\x80\xff\xff\xff\xff\xff\xff\xff\xff", 16),
       Literal::dense<std::int64_t>({2}, {std::numeric_limits<std::int64_t>::min() + 1, -1})},
      {"<f2", std::string("\x00\x3c\x00\xc0", 4),
       Literal::dense<Float16>({2}, {bits(0x3c00), bits(0xc000)})},
      {"<f4", kTwoFloats, Literal::dense<float>({2}, {1, -2})},
      {"<f8", std::string("\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\xc0", 16),
       Literal::dense<double>({2}, {1, -2})},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(decode(file(header(row.descr, "(2,)"), row.data)), row.want) << row.descr;
    std::string swapped;
    const std::size_t width = row.data.size() / 2;
    for (std::size_t i = 0; i < row.data.size(); ++i) {
      swapped += row.data[i / width * width + width - 1 - i % width];
    }
    const std::string descr = ">" + row.descr.substr(1);
    EXPECT_EQ(decode(file(header(descr, "(2,)"), swapped)), row.want) << descr;
  }
}

TEST(Npy, ReadsFormats2And3) {
  const Literal want = Literal::dense<float>({2}, {1, -2});
  EXPECT_EQ(decode(file(header("<f4", "(2,)"), kTwoFloats, 2)), want);
  EXPECT_EQ(decode(file(header("<f4", "(2,)"), kTwoFloats, 3)), want);
}

TEST(Npy, ReadsAnyKeyOrderQuotesAndSpaces) {
  const Literal want = Literal::dense<float>({2}, {1, -2});
  for (const char* text : {
           "{'shape': (2,), 'descr': '<f4', 'fortran_order': False}\n",
           "{ \"descr\" :\"<f4\",\"fortran_order\":True,\"shape\":( 2 ,)}",
           "{'fortran_order': False, 'shape': (2,), 'descr': '=f4',}          \n",
       }) {
    EXPECT_EQ(decode(file(text, kTwoFloats)), want) << text;
  }
}

TEST(Npy, TransposesFortranOrder) {
  const std::string data("\0\3\1\4\2\5", 6);  // the columns of 0 1 2 / 3 4 5
  EXPECT_EQ(decode(file(header("|i1", "(2, 3)", "True"), data)),
            Literal::dense<std::int8_t>({2, 3}, {0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(decode(file(header("|i1", "(1, 3, 2)", "True"), data)),
            Literal::dense<std::int8_t>({1, 3, 2}, {0, 4, 3, 2, 1, 5}));
  EXPECT_EQ(decode(file(header("|i1", "(2, 0)", "True"), "")),
            Literal::zeros({DType::kI8, {2, 0}}));
}

TEST(Npy, ReadsRankZeroAndNoElements) {
  EXPECT_EQ(decode(file(header("|i1", "()"), "\x05")), Literal::dense<std::int8_t>({}, {5}));
  EXPECT_EQ(decode(file(header("<f4", "(3, 0)"), "")).shape(), Shape({3, 0}));
}

TEST(Npy, RefusesEveryTruncation) {
  for (const int major : {1, 2}) {
    const std::string whole = file(header("<f4", "(2,)"), kTwoFloats, major);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THROW(decode(whole.substr(0, size)), IoError) << size;
    }
  }
  const std::string cut = file(header("<f4", "(2,)"), kTwoFloats.substr(0, 7));
  EXPECT_EQ(message_of<IoError>(cut),
            "a.npy: byte 75: the file ends here, but f32[2] has 8 bytes and only 7 follow its "
            "header");
}

TEST(Npy, RefusesWhatFollowsTheData) {
  EXPECT_EQ(message_of<IoError>(file(header("<f4", "(2,)"), kTwoFloats + "x")),
            "a.npy: byte 76: 1 bytes follow the data");
}

TEST(Npy, RefusesSizesBeforeAllocating) {
  EXPECT_THROW(decode(file(header("<f4", "(1099511627776,)"), "")), IoError);
  EXPECT_THROW(decode(file(header("<f8", "(4294967296, 4294967296)"), "")), IoError);
  EXPECT_THROW(decode(file(header("<f8", "(0, 9223372036854775807)"), "")), IoError);
  EXPECT_THROW(decode(file(header("<f8", "(9223372036854775808,)"), "")), IoError);
  std::string long_header = file(header("<f4", "(2,)"), kTwoFloats, 2);
  long_header[11] = '\x7f';  // a header of 2 GiB
  EXPECT_THROW(decode(long_header), IoError);
}

TEST(Npy, RefusesHeadersThatAreNotTheFormat) {
  for (const std::string text : {
           "",
           "{}",
           "x",
           "{'descr': '<f4', 'fortran_order': False}",
           "{'descr': '<f4', 'shape': (2,)}",
           "{'fortran_order': False, 'shape': (2,)}",
           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2,,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': 2}",
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
           "{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '', 'fortran_order': False, 'shape': (2,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
           "{'descr: <f4",
       }) {
    EXPECT_THROW(decode(file(text, kTwoFloats)), IoError) << text;
  }
  std::string many = "(";
  for (int i = 0; i < 33; ++i) many += "1, ";
  EXPECT_THROW(decode(file(header("|i1", many + ")"), "x")), IoError);
  EXPECT_THROW(decode("not numpy at all"), IoError);
}

TEST(Npy, RefusesBooleansBeyondOne) {
  EXPECT_EQ(message_of<IoError>(file(header("|b1", "(2,)"), std::string("\x01\x02", 2))),
            "a.npy: byte 69: a bool is 2, not 0 or 1");
}

TEST(Npy, NamesElementTypesThatAreNotOurs) {
  for (const char* descr :
       {"<u2", "<u4", "<u8", "<c8", "<c16", "<f16", "|S3", "<U2", "|O", "<M8[s]", "|V2", ">f3"}) {
    const std::string message = message_of<UnsupportedError>(file(header(descr, "(2,)"), ""));
    EXPECT_NE(message.find(descr), std::string::npos) << message;
  }
  EXPECT_THROW(decode(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "")),
               UnsupportedError);
  EXPECT_THROW(decode(file(header("<f4", "(2,)"), kTwoFloats, 4)), UnsupportedError);
}

TEST(Npy, WritesTheFormatToTheByte) {
  const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const std::string padding(128 - 10 - text.size() - 1, ' ');
  EXPECT_EQ(encode_npy(Literal::dense<float>({2}, {1, -2})),
            file(text + padding + "\n", kTwoFloats));
}

TEST(Npy, WritesShapesAsPythonDoes) {
  const auto written = [](Shape shape) {
    const std::string bytes = encode_npy(Literal::zeros({DType::kI8, shape}));
    const std::size_t begin = bytes.find("'shape': ") + 9;
    return bytes.substr(begin, bytes.find(", }") - begin);
  };
  EXPECT_EQ(written({}), "()");
  EXPECT_EQ(written({3}), "(3,)");
  EXPECT_EQ(written({2, 3, 0}), "(2, 3, 0)");
}

TEST(Npy, ReadsWhatItWrites) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dtype == DType::kBF16) continue;
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}, Shape{2, 0, 3}}) {
      const Literal literal = Literal::filled({dtype, shape}, shape.num_elements() == 0 ? 0 : 1);
      const std::string bytes = encode_npy(literal);
      EXPECT_EQ((bytes.size() - static_cast<std::size_t>(literal.type().bytes())) % 64, 0u);
      EXPECT_EQ(decode(bytes), literal) << literal.type().to_string();
    }
  }
  // Every bit of a NaN.
  const Literal nan = Literal::dense<float>({1}, {std::bit_cast<float>(std::uint32_t{0xffc01234})});
  EXPECT_EQ(decode(encode_npy(nan)), nan);
}

TEST(Npy, HasNoBF16) {
  EXPECT_THROW(encode_npy(Literal::zeros({DType::kBF16, {2}})), UnsupportedError);
}

TEST(Npy, ATypeThatIsNotWantedIsRefusedBeforeItsDataIsRead) {
  const std::string header_only = file(header("<f4", "(2,)"), "");
  ByteSource source = source_of(header_only);
  source.size += 8;  // the data, which cannot be read
  const auto refuse = [](const ir::TensorType& type) {
    throw_error<ShapeError>("{}", type.to_string());
  };
  EXPECT_THROW(decode_npy(source, refuse), ShapeError);
  EXPECT_THROW(decode_npy(source_of(header_only), refuse), IoError);  // cut short
}

TEST(Npy, APipeIsRefusedAtOnce) {
  const std::string path = testing::TempDir() + "npy_test_pipe.npy";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THROW(read_npy(path), IoError);
}

TEST(Npy, SaysWhyAFileCannotBeRead) {
  EXPECT_THROW(read_npy("/does/not/exist.npy"), IoError);
  EXPECT_THROW(read_npy("/"), IoError);
  EXPECT_THROW(read_npy("/dev/zero"), IoError);
}

}  // namespace
}  // namespace ndl::tools
