// The op and the line that made a NaN or an infinity.
#include "needle/check_nan.h"

#include <gtest/gtest.h>

#include <source_location>
#include <string>

#include "base/error.h"
#include "needle/needle.h"

namespace ndl {
namespace {

std::string found_in(const Tensor& x) {
  try {
    check_nan(x);
  } catch (const NumericError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckNan, NamesTheFirstOpAndItsLine) {
  const Tensor x({{1, 2}, {0, -1}});
  const int line = std::source_location::current().line() + 1;
  const Tensor y = log(x);
  const Tensor loss = sum(y * y);
  const std::string place = "tests/needle/check_nan_test.cc:" + std::to_string(line) + ":";
  EXPECT_EQ(found_in(loss).find(place), 0u) << found_in(loss);
  EXPECT_NE(found_in(loss).find("log: -inf at [1, 0] of f32[2,2], of finite operands"),
            std::string::npos)
      << found_in(loss);
  (void)loss.item();  // computed or not
  EXPECT_EQ(found_in(loss).find(place), 0u);
}

TEST(CheckNan, IsSilentWhereAllIsFiniteOrTheLeavesAreNot) {
  EXPECT_EQ(found_in(exp(Tensor({1, 2}))), "");
  EXPECT_EQ(found_in(Tensor({INFINITY}) * 2), "");
}

// What is compiled is stable, and that is what is checked.
TEST(CheckNan, ChecksTheStableForm) {
  const Tensor z = exp(Tensor({1000, 10000, 100}));
  EXPECT_EQ(found_in(z / sum(z)), "");
}

TEST(CheckNan, WorksWithoutGradients) {
  const Tensor x({-1}, {.requires_grad = false});
  EXPECT_NE(found_in(sqrt(x)), "");
}

}  // namespace
}  // namespace ndl
