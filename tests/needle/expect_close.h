// Compares the elements of a tensor with what a reference says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "needle/tensor.h"

namespace ndl::test {

// Each within `tolerance` of the larger of 1 and what is wanted.
inline void expect_close(const Tensor& x, const std::vector<double>& want,
                         double tolerance = 1e-5) {
  const std::vector<double> got = x.to_vector<double>();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], tolerance * std::max(1.0, std::abs(want[i]))) << "element " << i;
  }
}

}  // namespace ndl::test
