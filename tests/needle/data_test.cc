// IDX files and data loaders, with what may be wrong with either.
#include "needle/data.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "needle/idx.h"
#include "needle/needle.h"

namespace ndl::data {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string path_of(const std::string& name) { return testing::TempDir() + "/" + name; }

std::string save(const std::string& name, const Bytes& bytes) {
  std::ofstream file(path_of(name), std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  return path_of(name);
}

std::string save_gzip(const std::string& name, const Bytes& bytes) {
  gzFile file = gzopen(path_of(name).c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path_of(name);
}

const Bytes kMatrix = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

std::string error_of(const std::string& path) {
  try {
    (void)read_idx(path);
  } catch (const IoError& error) {
    return error.message();
  }
  return "";
}

TEST(Idx, ReadsPlainAndCompressed) {
  for (const std::string& path : {save("plain", kMatrix), save_gzip("packed.gz", kMatrix)}) {
    const ir::Literal literal = read_idx(path);
    EXPECT_EQ(literal.type().to_string(), "u8[2,3]");
    EXPECT_EQ(literal.to_string(), "[[1, 2, 3], [4, 5, 6]]");
  }
}

TEST(Idx, ElementsAreBigEndian) {
  EXPECT_EQ(read_idx(save("i16", {0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 0xff, 0xfe})).to_string(),
            "[258, -2]");
  EXPECT_EQ(read_idx(save("f32", {0, 0, 0x0d, 0, 0x3f, 0xc0, 0, 0})).to_string(), "1.5");
}

TEST(Idx, WhatIsWrongIsSaid) {
  EXPECT_NE(error_of(path_of("absent")).find("cannot be opened"), std::string::npos);
  EXPECT_NE(error_of(save("text", {'h', 'e', 'l', 'l', 'o'})).find("not an IDX file"),
            std::string::npos);
  EXPECT_NE(error_of(save("empty", {})).find("not an IDX file"), std::string::npos);
  EXPECT_NE(error_of(save("type", {0, 0, 7, 1})).find("element type 0x07"), std::string::npos);
  EXPECT_NE(error_of(save("header", {0, 0, 8, 2, 0, 0})).find("header is cut off"),
            std::string::npos);
  // A header that asks for 2^40 bytes gets an answer, not the memory.
  EXPECT_NE(
      error_of(save("huge", {0, 0, 8, 2, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 1})).find("holds 1 bytes"),
      std::string::npos);
  Bytes longer = kMatrix;
  longer.push_back(7);
  EXPECT_NE(error_of(save("longer", longer)).find("goes on behind the 6 bytes"), std::string::npos);
}

// Cut at every length, and with every byte changed: an error or the right shape, never a crash.
TEST(Idx, DamagedFilesAreNoticed) {
  const std::string path = save_gzip("whole.gz", kMatrix);
  std::ifstream file(path, std::ios::binary);
  const Bytes packed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (std::size_t length = 0; length < packed.size(); ++length) {
    const Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_NE(error_of(save("cut.gz", cut)), "") << length;
  }
  for (std::size_t i = 10; i < packed.size(); ++i) {
    Bytes damaged = packed;
    damaged[i] ^= 0x10;
    EXPECT_NE(error_of(save("damaged.gz", damaged)), "") << i;
  }
}

TEST(Mnist, ScalesPixelsAndChecksThatFilesFit) {
  const Bytes images = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102};
  const std::string image_path = save("images", images);
  const auto dataset = mnist(image_path, save("labels", {0, 0, 8, 1, 0, 0, 0, 2, 9, 3}));
  ASSERT_EQ(dataset->size(), 2);
  const std::int64_t order[] = {1, 0};
  const std::vector<ir::Literal> batch = dataset->batch(order);
  EXPECT_EQ(batch[0].to_string(), "[[[0.2, 0.4]], [[0, 1]]]");
  EXPECT_EQ(batch[1].to_string(), "[3, 9]");
  EXPECT_THROW(mnist(image_path, save("three", {0, 0, 8, 1, 0, 0, 0, 3, 9, 3, 1})), IoError);
  EXPECT_THROW(mnist(save("matrix", kMatrix), image_path), IoError);
}

std::shared_ptr<const Dataset> counting(std::int64_t n) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = i;
  return rows_of({ir::Literal::dense<std::int64_t>(ir::Shape({n}), values)});
}

// The rows of one pass, batch by batch.
std::vector<std::vector<std::int64_t>> pass_over(DataLoader& loader) {
  std::vector<std::vector<std::int64_t>> batches;
  for (const std::vector<Tensor>& batch : loader) {
    batches.push_back(batch[0].to_vector<std::int64_t>());
    EXPECT_FALSE(batch[0].requires_grad());
  }
  EXPECT_EQ(std::ssize(batches), loader.size());
  return batches;
}

TEST(DataLoader, GivesEveryRowInOrder) {
  using Batches = std::vector<std::vector<std::int64_t>>;
  DataLoader loader(counting(5), {.batch_size = 2});
  EXPECT_EQ(pass_over(loader), (Batches{{0, 1}, {2, 3}, {4}}));
  EXPECT_EQ(pass_over(loader), (Batches{{0, 1}, {2, 3}, {4}}));
  DataLoader full(counting(5), {.batch_size = 2, .drop_last = true});
  EXPECT_EQ(pass_over(full), (Batches{{0, 1}, {2, 3}}));
  DataLoader none(counting(0), {.batch_size = 2});
  EXPECT_EQ(pass_over(none), Batches{});
}

TEST(DataLoader, ShufflesAnewEachTime) {
  const auto rows = [](DataLoader& loader) {
    std::vector<std::int64_t> all;
    for (const auto& batch : pass_over(loader)) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  };
  DataLoader loader(counting(100), {.batch_size = 7, .shuffle = true, .seed = 3});
  const std::vector<std::int64_t> first = rows(loader);
  const std::vector<std::int64_t> second = rows(loader);
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::ranges::is_sorted(first));
  std::vector<std::int64_t> sorted = first;
  std::ranges::sort(sorted);
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(sorted[static_cast<std::size_t>(i)], i);
  DataLoader again(counting(100), {.batch_size = 7, .shuffle = true, .seed = 3});
  EXPECT_EQ(rows(again), first);
}

TEST(DataLoader, StopsInTheMiddle) {
  DataLoader loader(counting(1000), {.batch_size = 1});
  for (const std::vector<Tensor>& batch : loader) {
    if (batch[0].item<std::int64_t>() == 3) break;
  }
}

TEST(DataLoader, WhatTheDataSetThrowsArrives) {
  class Broken : public Dataset {
   public:
    std::int64_t size() const override { return 10; }
    std::vector<ir::Literal> batch(std::span<const std::int64_t> indices) const override {
      if (indices.front() == 4) throw std::runtime_error("row 4");
      return {ir::Literal::zeros({DType::kF32, ir::Shape()})};
    }
  };
  DataLoader loader(std::make_shared<const Broken>(), {.batch_size = 2});
  int batches = 0;
  const auto run = [&] {
    for ([[maybe_unused]] const std::vector<Tensor>& batch : loader) ++batches;
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(batches, 2);
}

TEST(DataLoader, WrongRequests) {
  EXPECT_THROW(DataLoader(counting(5), {.batch_size = 0}), UsageError);
  EXPECT_THROW(DataLoader(counting(5), {.prefetch = 0}), UsageError);
  EXPECT_THROW(rows_of({ir::Literal::zeros({DType::kF32, ir::Shape({2})}),
                        ir::Literal::zeros({DType::kF32, ir::Shape({3})})}),
               ShapeError);
  EXPECT_THROW(rows_of({ir::Literal::zeros({DType::kF32, ir::Shape()})}), ShapeError);
}

}  // namespace
}  // namespace ndl::data
