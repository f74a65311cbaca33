// Type rules of the ops that make, move and index data.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ir/graph.h"
#include "ir/infer.h"

namespace ndl::ir {
namespace {

void require_same_dtype(const Inference& in, DType result) {
  if (result == in.dtype(0)) return;
  in.fail<DTypeError>("keeps the dtype of {}; the result cannot be {}", in.text(0),
                      name_of(result));
}

// Operand `index` is a vector of one index for each axis of operand 0.
void require_start(const Inference& in, std::size_t index) {
  in.require_index_dtype(index);
  const auto rank = static_cast<std::int64_t>(in.shape(0).rank());
  if (in.shape(index) != Shape({rank})) {
    in.fail<ShapeError>("start must have one index for each of the {} axes of {}, got {}", rank,
                        in.text(0), in.text(index));
  }
}

void require_window_fits(const Inference& in, const Shape& window) {
  const Shape& shape = in.shape(0);
  const bool fits =
      window.rank() == shape.rank() && std::ranges::equal(window, shape, std::ranges::less_equal{});
  if (!fits) {
    in.fail<ShapeError>("a window of shape {} does not fit in {}", window.to_string(), in.text(0));
  }
}

}  // namespace

Type infer_parameter(Inference& in) { return *in.given; }

Type infer_constant(Inference& in) {
  const Literal compact = in.attributes.literal(Attr::kValue).compact();
  in.attributes.set(Attr::kValue, compact);
  return compact.type();
}

Type infer_iota(Inference& in) {
  in.axis(Attr::kAxis, in.given_tensor().shape.rank());
  return *in.given;
}

Type infer_rng_bits(Inference& in) {
  const TensorType& result = in.given_tensor();
  if (in.shape(0) != Shape({2})) in.fail<ShapeError>("state must be i64[2], got {}", in.text(0));
  if (result.dtype != DType::kI32 && result.dtype != DType::kI64) {
    in.fail<DTypeError>("gives i32 or i64, not {}", name_of(result.dtype));
  }
  return result;
}

Type infer_convert(Inference& in) { return {in.given_tensor().dtype, in.shape(0)}; }

Type infer_bitcast(Inference& in) {
  const DType result = in.given_tensor().dtype;
  if (!kNumeric.contains(result) || size_of(result) != size_of(in.dtype(0))) {
    in.fail<DTypeError>("{} and {} differ in width or have no bits of their own",
                        name_of(in.dtype(0)), name_of(result));
  }
  return {result, in.shape(0)};
}

Type infer_reshape(Inference& in) {
  const TensorType& result = in.given_tensor();
  require_same_dtype(in, result.dtype);
  if (result.shape.num_elements() != in.shape(0).num_elements()) {
    in.fail<ShapeError>("{} has {} elements and {} has {}", in.text(0), in.shape(0).num_elements(),
                        result.to_string(), result.shape.num_elements());
  }
  return result;
}

Type infer_broadcast(Inference& in) {
  const TensorType& result = in.given_tensor();
  require_same_dtype(in, result.dtype);
  const Shape& from = in.shape(0);
  const Shape& to = result.shape;
  bool fits = from.rank() <= to.rank();
  for (std::size_t i = 0; fits && i < from.rank(); ++i) {
    const std::int64_t source = from[from.rank() - 1 - i];
    fits = source == 1 || source == to[to.rank() - 1 - i];
  }
  if (!fits) {
    in.fail<ShapeError>("{} does not broadcast to {}: axes align at the end and must be equal or 1",
                        in.text(0), result.to_string());
  }
  return result;
}

Type infer_transpose(Inference& in) {
  const Shape& shape = in.shape(0);
  const Dims& permutation = in.list(Attr::kPermutation, shape.rank(), 0);
  std::vector<bool> seen(shape.rank());
  Dims dims;
  for (const std::int64_t axis : permutation) {
    const auto index = static_cast<std::size_t>(axis);
    if (index >= shape.rank() || seen[index]) {
      in.fail<ShapeError>("permutation={} is not a permutation of the {} axes of {}",
                          to_string(permutation), shape.rank(), in.text(0));
    }
    seen[index] = true;
    dims.push_back(shape[index]);
  }
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_reverse(Inference& in) {
  in.axes(Attr::kAxes, in.shape(0).rank());
  return *in.operands[0];
}

Type infer_after(Inference& in) { return in.operand(0); }

Type infer_slice(Inference& in) {
  const Shape& shape = in.shape(0);
  const Dims& start = in.list(Attr::kStart, shape.rank(), 0);
  const Dims& limit = in.list(Attr::kLimit, shape.rank(), 0);
  const Dims& stride = in.list(Attr::kStride, shape.rank(), 1);
  Dims dims;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (start[i] > limit[i] || limit[i] > shape[i]) {
      in.fail<ShapeError>("[{}:{}] on axis {} of {}: expected start <= limit <= {}", start[i],
                          limit[i], i, in.text(0), shape[i]);
    }
    dims.push_back(ceil_div(limit[i] - start[i], stride[i]));
  }
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_dynamic_slice(Inference& in) {
  const TensorType& result = in.given_tensor();
  require_same_dtype(in, result.dtype);
  require_start(in, 1);
  require_window_fits(in, result.shape);
  return result;
}

Type infer_dynamic_update_slice(Inference& in) {
  if (in.dtype(1) != in.dtype(0)) {
    in.fail<DTypeError>("update {} and x {} differ in dtype", in.text(1), in.text(0));
  }
  require_start(in, 2);
  require_window_fits(in, in.shape(1));
  return *in.operands[0];
}

Type infer_pad(Inference& in) {
  const Shape& shape = in.shape(0);
  if (in.operand(1) != TensorType{in.dtype(0), Shape()}) {
    in.fail<DTypeError>("value must be {}[], got {}", name_of(in.dtype(0)), in.text(1));
  }
  const Dims& low = in.list(Attr::kLow, shape.rank(), 0);
  const Dims& high = in.list(Attr::kHigh, shape.rank(), 0);
  const Dims& interior = in.list(Attr::kInterior, shape.rank(), 0);
  Dims dims;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    const std::int64_t gaps = std::max<std::int64_t>(shape[i] - 1, 0);
    auto extent = checked_mul(gaps, interior[i]);
    for (const std::int64_t part : {shape[i], low[i], high[i]}) {
      if (extent) extent = checked_add(*extent, part);
    }
    if (!extent) in.fail<ShapeError>("axis {} becomes too large", i);
    dims.push_back(*extent);
  }
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_concatenate(Inference& in) {
  const std::size_t axis = in.axis(Attr::kAxis, in.shape(0).rank());
  Dims dims = in.shape(0).dims();
  for (std::size_t i = 1; i < in.operands.size(); ++i) {
    bool fits = in.dtype(i) == in.dtype(0) && in.shape(i).rank() == dims.size();
    for (std::size_t k = 0; fits && k < dims.size(); ++k) {
      fits = k == axis || in.shape(i)[k] == dims[k];
    }
    if (!fits) {
      in.fail<ShapeError>("operands {} and {} may differ only on axis {}", in.text(0), in.text(i),
                          axis);
    }
    const auto extent = checked_add(dims[axis], in.shape(i)[axis]);
    if (!extent) in.fail<ShapeError>("axis {} becomes too large", axis);
    dims[axis] = *extent;
  }
  return {in.dtype(0), Shape(std::move(dims))};
}

namespace {

// The shape of gather's result: x without `axis`, which the indices replace.
Shape gathered_shape(const Inference& in) {
  in.require_index_dtype(1);
  const Shape& x = in.shape(0);
  const Shape& indices = in.shape(1);
  const std::size_t axis = in.axis(Attr::kAxis, x.rank());
  const std::int64_t batch_dims = in.attributes.integer(Attr::kBatchDims);
  const auto batch = static_cast<std::size_t>(batch_dims);
  if (batch_dims < 0 || batch > axis || batch > indices.rank() ||
      !std::equal(x.begin(), x.begin() + batch_dims, indices.begin())) {
    in.fail<ShapeError>(
        "batch_dims={}: x {} and indices {} must begin with that many equal axes, all before "
        "axis {}",
        batch_dims, in.text(0), in.text(1), axis);
  }
  Dims dims(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), indices.begin() + batch_dims, indices.end());
  dims.insert(dims.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  return Shape(std::move(dims));
}

}  // namespace

Type infer_gather(Inference& in) { return {in.dtype(0), gathered_shape(in)}; }

Type infer_scatter_add(Inference& in) {
  const TensorType expected{in.dtype(0), gathered_shape(in)};
  if (in.operand(2) != expected) {
    in.fail<ShapeError>("updates must be {} for x {} and indices {}, got {}", expected.to_string(),
                        in.text(0), in.text(1), in.text(2));
  }
  return *in.operands[0];
}

Type infer_fused_add_scalars(Inference& in) {
  const std::vector<double>& scalars = in.attributes.scalars(Attr::kScalars);
  if (scalars.empty()) in.fail<VerifyError>("scalars must not be empty");
  // Beyond 2^53 a double no longer tells which integer was meant.
  constexpr double kLargestExact = 0x1p53;
  for (const double scalar : scalars) {
    const double value = Literal::filled({in.dtype(0), Shape()}, scalar).as_double(0);
    const bool fits = is_integer(in.dtype(0)) ? value == scalar && std::fabs(scalar) < kLargestExact
                                              : std::isfinite(value) || !std::isfinite(scalar);
    if (!fits) {
      in.fail<DTypeError>("the scalar {} is not a value of {}{}", scalar, name_of(in.dtype(0)),
                          is_integer(in.dtype(0)) ? " below 2^53" : "");
    }
  }
  return Type::tuple(std::vector<TensorType>(scalars.size(), in.operand(0)));
}

Type infer_split(Inference& in) {
  const std::size_t axis = in.axis(Attr::kAxis, in.shape(0).rank());
  constexpr std::int64_t kMostElements = 1024;
  const std::int64_t count = in.shape(0)[axis];
  if (count > kMostElements) {
    in.fail<ShapeError>("axis {} of {} would give a tuple of {} elements; the limit is {}", axis,
                        in.text(0), count, kMostElements);
  }
  Dims dims = in.shape(0).dims();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  const TensorType element{in.dtype(0), Shape(std::move(dims))};
  return Type::tuple(std::vector<TensorType>(static_cast<std::size_t>(count), element));
}

Type infer_stack(Inference& in) {
  const std::size_t axis = in.axis(Attr::kAxis, in.shape(0).rank() + 1);
  for (std::size_t i = 1; i < in.operands.size(); ++i) {
    if (in.operand(i) != in.operand(0)) {
      in.fail<ShapeError>("operands {} and {} differ", in.text(0), in.text(i));
    }
  }
  Dims dims = in.shape(0).dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis),
              static_cast<std::int64_t>(in.operands.size()));
  return {in.dtype(0), Shape(std::move(dims))};
}

}  // namespace ndl::ir
