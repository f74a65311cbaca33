#include "runtime/argsort.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "base/dtype.h"

namespace ndl::runtime {
namespace {

TEST(Argsort, IsStableWithNanLastInEitherDirection) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  // Two lines side by side: 2 nan 0 -0 and 5 5 7 1.
  std::vector<float> keys = {2, 5, kNan, 5, 0, 7, -0.0f, 1};
  std::vector<std::int64_t> positions(8, -1);
  ArgsortParameters parameters = {static_cast<std::int64_t>(DType::kF32), 4, 2, 0};
  void* buffers[] = {&parameters, keys.data(), positions.data()};
  EXPECT_EQ(argsort(buffers, 0, 2), 0);
  EXPECT_EQ(positions, (std::vector<std::int64_t>{2, 3, 0, 1, 3, 0, 1, 2}));
  parameters.is_descending = 1;
  EXPECT_EQ(argsort(buffers, 0, 2), 0);
  EXPECT_EQ(positions, (std::vector<std::int64_t>{0, 2, 3, 1, 2, 0, 1, 3}));
}

TEST(Argsort, WritesOnlyTheLinesItIsGiven) {
  std::vector<std::int16_t> keys = {2, 1, 4, 3, 6, 5};
  std::vector<std::int64_t> positions(6, -1);
  ArgsortParameters parameters = {static_cast<std::int64_t>(DType::kI16), 2, 1, 0};
  void* buffers[] = {&parameters, keys.data(), positions.data()};
  EXPECT_EQ(argsort(buffers, 1, 2), 0);
  EXPECT_EQ(positions, (std::vector<std::int64_t>{-1, -1, 1, 0, -1, -1}));
}

}  // namespace
}  // namespace ndl::runtime
