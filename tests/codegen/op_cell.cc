#include "tests/codegen/op_cell.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "tests/parameter_operands.h"
#include "tests/random_op.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

using ir::Dims;
using ir::Shape;
using ir::TensorType;
using ir::Value;

// No operand of rank 0 will do.
struct NeedsAxes {};

Shape random_shape(test::Random& random, Layout layout, std::size_t least_rank) {
  if (layout == Layout::kRankZero) {
    if (least_rank > 0) throw NeedsAxes{};
    return {};
  }
  if (layout == Layout::kLong) {
    const std::vector<Dims> shapes = {{3, 2053}, {1030, 11}, {7, 31, 65}, {2, 4096, 1}};
    return Shape(random.choose(shapes));
  }
  Dims dims(static_cast<std::size_t>(random.between(2, 3)));
  for (std::int64_t& dim : dims) dim = random.choose(Dims{1, 2, 3, 5, 7, 9, 17});
  if (layout == Layout::kZeroSize) dims[static_cast<std::size_t>(random.below(2))] = 0;
  return Shape(dims);
}

// One shape for all ops over elements, so that those that are compiled together share a kernel.
Shape elementwise_shape(Layout layout) {
  switch (layout) {
    case Layout::kZeroSize:
      return {5, 0};
    case Layout::kRankZero:
      return {};
    case Layout::kLong:
      return {140009};
    default:
      return {5, 67};
  }
}

class CellOperands : public test::ParameterOperands {
 public:
  CellOperands(test::Random& random, DType dtype, Layout layout, bool is_elementwise)
      : test::ParameterOperands(random, dtype), layout_(layout), is_elementwise_(is_elementwise) {}

 private:
  Shape choose_shape(std::size_t least_rank) override {
    return is_elementwise_ ? elementwise_shape(layout_)
                           : random_shape(random(), layout_, least_rank);
  }
  Value operand(const TensorType& type, std::int64_t bound) override;

  Layout layout_;
  bool is_elementwise_;
};

Value CellOperands::operand(const TensorType& type, std::int64_t bound) {
  const std::size_t rank = type.shape.rank();
  Dims dims = type.shape.dims();
  switch (layout_) {
    case Layout::kBroadcast: {
      if (rank == 0) break;
      if (random().one_in(2)) {
        dims.back() = 1;
      } else {
        dims.erase(dims.begin());
      }
      return builder().broadcast(parameter({type.dtype, Shape(dims)}, bound), type.shape);
    }
    case Layout::kTransposed: {
      // Turns the axes around, the last one first.
      Dims permutation(rank);
      for (std::size_t i = 0; i < rank; ++i) {
        permutation[i] = static_cast<std::int64_t>((i + rank - 1) % rank);
        dims[static_cast<std::size_t>(permutation[i])] = type.shape[i];
      }
      return builder().transpose(parameter({type.dtype, Shape(dims)}, bound), permutation);
    }
    case Layout::kStrided: {
      for (std::int64_t& dim : dims) dim = 2 * dim + 1;
      const Value x = parameter({type.dtype, Shape(dims)}, bound);
      return builder().slice(x, Dims(rank, 1), dims, Dims(rank, 2));
    }
    case Layout::kOffset: {
      Dims limit = dims;
      for (std::size_t i = 0; i < rank; ++i) {
        limit[i] += 2;
        dims[i] += 3;
      }
      return builder().slice(parameter({type.dtype, Shape(dims)}, bound), Dims(rank, 2), limit);
    }
    case Layout::kReversed: {
      Dims axes;
      for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
      return builder().reverse(parameter(type, bound), axes);
    }
    default:
      break;
  }
  return parameter(type, bound);
}

}  // namespace

std::optional<OpCell> op_cell(const ir::OpDef& def, DType dtype, Layout layout,
                              std::uint64_t seed) {
  // Some shapes and attributes do not fit, and some indices are out of range.
  constexpr std::uint64_t kAttempts = 64;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    test::Random random(mix_bits(seed) + (attempt << 32));
    CellOperands operands(random, dtype, layout, def.is_elementwise());
    try {
      const std::optional<Value> value =
          def.op == ir::Op::kParameter ? operands.any(def.dtypes, 0)
                                       : test::random_op(operands.builder(), random, operands, def);
      if (!value) continue;
      auto [graph, bounds] = operands.finished(*value);
      OpCell cell{layout, std::move(graph), std::move(bounds)};
      if (test::run(cell.graph, inputs_of(cell, seed, false)).error.empty()) return cell;
    } catch (const ShapeError&) {
      continue;
    } catch (const NeedsAxes&) {
      return std::nullopt;
    }
  }
  NDL_CHECK(false, "no use of {} of {} on a {} operand", def.name, name_of(dtype),
            kLayoutNames[static_cast<std::size_t>(layout)]);
}

std::vector<ir::Literal> inputs_of(const OpCell& cell, std::uint64_t seed, bool integral) {
  std::vector<ir::Literal> inputs;
  for (std::size_t i = 0; i < cell.bounds.size(); ++i) {
    const TensorType& type = cell.graph.type(cell.graph.parameter(i)).tensor();
    if (cell.bounds[i] > 0) {
      inputs.push_back(test::random_integers(type, 0, cell.bounds[i] - 1, mix_bits(seed + i)));
    } else if (integral) {
      inputs.push_back(test::random_integers(type, 0, 3, mix_bits(seed + i)));
    } else {
      inputs.push_back(test::random_literal(type, mix_bits(seed + i)));
    }
  }
  return inputs;
}

}  // namespace ndl::codegen
