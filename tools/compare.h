// Comparison of a result with what was expected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/literal.h"

namespace ndl::tools {

// got is near enough to want if |got - want| <= absolute + relative * |want|. Equal infinities are
// near, and so are any two NaNs.
struct Tolerance {
  double absolute = 0;
  double relative = 0;

  // Without a tolerance elements are compared bit by bit (any two NaNs are still equal), so that
  // 0 differs from -0.
  bool is_exact() const { return absolute == 0 && relative == 0; }
};

// One element that differs.
struct Difference {
  std::int64_t index = 0;  // row-major
  double absolute = 0;     // |got - want|; NaN if only one of them is
  double relative = 0;     // absolute / |want|
  double ulps = 0;  // absolute in units of the last place of want in its dtype; ints: absolute
};

struct Comparison {
  std::int64_t count = 0;         // elements that differ
  std::vector<Difference> first;  // the first of them, at most kMaxListed
  Difference worst;               // of the largest relative error; a NaN counts as infinite
  static constexpr std::size_t kMaxListed = 5;
};

// `got` has the shape of `want`, and its dtype or (from a wide run) f64 for a float one.
Comparison compare(const ir::Literal& got, const ir::Literal& want, const Tolerance& tolerance);

// "output 0: 2 of 3 elements differ" and a line for each listed difference, for people.
std::string describe(const Comparison& comparison, std::size_t output, const ir::Literal& got,
                     const ir::Literal& want);

}  // namespace ndl::tools
