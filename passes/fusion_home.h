// What the loops of a fused kernel are over, and what that costs. Internal to fusion.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/shape.h"
#include "passes/cost_model.h"

namespace ndl::passes {

struct FusionHome {
  static constexpr std::uint32_t kNoRoot = 0xffffffff;

  ir::Dims space;
  ir::Dims axes;                 // that are reduced; what is left of the space are rows
  std::uint32_t root = kNoRoot;  // the node of a contraction
  auto operator<=>(const FusionHome&) const = default;

  bool is_reduced(std::size_t axis) const;
  // Whether there are too few rows for threads to share many elements.
  bool has_few_rows() const;
  // Whether a row that is read once for each of several reductions stays in the cache meanwhile.
  bool row_fits_cache(const CostModel& model) const;
  // Whether x, broadcast to the space, has one element for each row.
  bool is_row_broadcast(const ir::Shape& x) const;
  // The first of the axes that lanes run along as one: the last ones, if these are reduced. The
  // rank if there are not several.
  std::size_t first_merged_axis() const;

 private:
  std::int64_t row_elements() const;
};

}  // namespace ndl::passes
