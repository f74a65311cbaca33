// Type rules of reductions, sorting and contractions.
#include <algorithm>

#include "base/checked.h"
#include "ir/infer.h"

namespace ndl::ir {
namespace {

Shape without_axes(const Shape& shape, const Dims& axes) {
  Dims dims;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (!std::ranges::binary_search(axes, static_cast<std::int64_t>(i))) dims.push_back(shape[i]);
  }
  return Shape(std::move(dims));
}

Type infer_index_of_extremum(Inference& in) {
  const std::size_t axis = in.axis(Attr::kAxis, in.shape(0).rank());
  if (in.shape(0)[axis] == 0) {
    in.fail<ShapeError>("axis {} of {} is empty, so there is no index to give", axis, in.text(0));
  }
  return {DType::kI64, without_axes(in.shape(0), {static_cast<std::int64_t>(axis)})};
}

// Windows of extent size (spread by dilation) that fit in padded (and spread) input, every stride.
std::int64_t window_count(const Inference& in, std::size_t axis, std::int64_t extent,
                          std::int64_t size, std::int64_t stride, std::int64_t low,
                          std::int64_t high, std::int64_t dilation, std::int64_t base_dilation) {
  const auto spread = [](std::int64_t n, std::int64_t by) -> std::optional<std::int64_t> {
    if (n == 0) return 0;
    const auto most = checked_mul(n - 1, by);
    return most ? checked_add(*most, 1) : std::nullopt;
  };
  auto input = spread(extent, base_dilation);
  if (input) input = checked_add(*input, low);
  if (input) input = checked_add(*input, high);
  const auto window = spread(size, dilation);
  if (!input || !window) in.fail<ShapeError>("axis {} becomes too large", axis);
  if (*window > *input) return 0;
  return (*input - *window) / stride + 1;
}

}  // namespace

Type infer_reduce(Inference& in) {
  const Dims& axes = in.axes(Attr::kAxes, in.shape(0).rank());
  const DType dtype = in.dtype(0);
  const ReduceKind kind = in.attributes.kind();
  const bool logical = kind == ReduceKind::kAnd || kind == ReduceKind::kOr;
  const DTypeSet allowed = logical ? kBitwise : kNumeric;
  if (!allowed.contains(dtype)) {
    in.fail<DTypeError>("{} is not allowed for this kind; allowed are: {}", name_of(dtype),
                        allowed.to_string());
  }
  const DType usual = default_accumulator(kind, dtype);
  if (in.attributes.integer(Attr::kAccumulator) == -1) {
    in.attributes.set(Attr::kAccumulator, static_cast<std::int64_t>(usual));
  }
  const DType accumulator = in.attributes.dtype(Attr::kAccumulator);
  const bool wider = accumulates(kind) && is_float(dtype) == is_float(accumulator) &&
                     !is_half(accumulator) && kNumeric.contains(accumulator) &&
                     (size_of(accumulator) > size_of(dtype));
  if (accumulator != usual && !wider) {
    in.fail<DTypeError>("accumulator={} does not serve a reduction of {}; use {}",
                        name_of(accumulator), name_of(dtype),
                        accumulates(kind)
                            ? fmt::format("{} or a wider dtype of its kind", name_of(usual))
                            : std::string(name_of(usual)));
  }
  return {dtype, without_axes(in.shape(0), axes)};
}

Type infer_argmax(Inference& in) { return infer_index_of_extremum(in); }
Type infer_argmin(Inference& in) { return infer_index_of_extremum(in); }

Type infer_cumsum(Inference& in) {
  in.axis(Attr::kAxis, in.shape(0).rank());
  return *in.operands[0];
}

Type infer_sort(Inference& in) {
  in.axis(Attr::kAxis, in.shape(0).rank());
  if (in.operands.size() == 1) return *in.operands[0];
  std::vector<TensorType> elements;
  for (std::size_t i = 0; i < in.operands.size(); ++i) {
    if (in.shape(i) != in.shape(0)) {
      in.fail<ShapeError>("operand shapes differ: {} and {}", in.text(0), in.text(i));
    }
    elements.push_back(in.operand(i));
  }
  return Type::tuple(std::move(elements));
}

Type infer_reduce_window(Inference& in) {
  const Shape& shape = in.shape(0);
  const std::size_t rank = shape.rank();
  const Dims& size = in.list(Attr::kSize, rank, 1);
  const Dims& stride = in.list(Attr::kStride, rank, 1);
  const Dims& low = in.list(Attr::kLow, rank, 0);
  const Dims& high = in.list(Attr::kHigh, rank, 0);
  const Dims& dilation = in.list(Attr::kDilation, rank, 1);
  Dims dims;
  for (std::size_t i = 0; i < rank; ++i) {
    dims.push_back(
        window_count(in, i, shape[i], size[i], stride[i], low[i], high[i], dilation[i], 1));
  }
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_matmul(Inference& in) {
  const Shape& a = in.shape(0);
  const Shape& b = in.shape(1);
  if (in.dtype(0) != in.dtype(1)) {
    in.fail<DTypeError>("operand dtypes differ: {} and {}", in.text(0), in.text(1));
  }
  if (a.rank() < 2 || b.rank() < 2) {
    in.fail<ShapeError>("operands need rank 2 or more: {} x {}", in.text(0), in.text(1));
  }
  if (a[a.rank() - 1] != b[b.rank() - 2]) {
    in.fail<ShapeError>("inner dimensions differ: {} x {}", in.text(0), in.text(1));
  }
  const std::size_t rank = std::max(a.rank(), b.rank());
  Dims dims(rank);
  // Axis i of the broadcast of the leading axes, counted from the end.
  for (std::size_t i = 2; i < rank; ++i) {
    const std::int64_t m = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const std::int64_t n = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    if (m != n && m != 1 && n != 1) {
      in.fail<ShapeError>("batch dimensions do not broadcast: {} x {}", in.text(0), in.text(1));
    }
    dims[rank - 1 - i] = m == 1 ? n : m;
  }
  dims[rank - 2] = a[a.rank() - 2];
  dims[rank - 1] = b[b.rank() - 1];
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_conv(Inference& in) {
  const Shape& x = in.shape(0);
  const Shape& kernel = in.shape(1);
  if (in.dtype(0) != in.dtype(1)) {
    in.fail<DTypeError>("operand dtypes differ: {} and {}", in.text(0), in.text(1));
  }
  if (x.rank() < 2 || kernel.rank() != x.rank()) {
    in.fail<ShapeError>(
        "x [N, spatial..., C] and kernel [spatial..., C/groups, K] need equal rank "
        "of 2 or more: {} and {}",
        in.text(0), in.text(1));
  }
  const std::size_t spatial = x.rank() - 2;
  const Dims& stride = in.list(Attr::kStride, spatial, 1);
  const Dims& low = in.list(Attr::kLow, spatial, 0);
  const Dims& high = in.list(Attr::kHigh, spatial, 0);
  const Dims& dilation = in.list(Attr::kDilation, spatial, 1);
  const Dims& base_dilation = in.list(Attr::kBaseDilation, spatial, 1);
  const std::int64_t groups = in.attributes.integer(Attr::kGroups);
  const std::int64_t channels = x[spatial + 1];
  const std::int64_t features = kernel[spatial + 1];
  if (groups < 1 || channels % groups != 0 || features % groups != 0 ||
      kernel[spatial] != channels / groups) {
    in.fail<ShapeError>("channels do not fit: {} and {} in {} group{}", in.text(0), in.text(1),
                        groups, groups == 1 ? "" : "s");
  }
  Dims dims{x[0]};
  for (std::size_t i = 0; i < spatial; ++i) {
    if (kernel[i] < 1) in.fail<ShapeError>("kernel {} has an empty window", in.text(1));
    dims.push_back(window_count(in, i + 1, x[i + 1], kernel[i], stride[i], low[i], high[i],
                                dilation[i], base_dilation[i]));
  }
  dims.push_back(features);
  return {in.dtype(0), Shape(std::move(dims))};
}

Type infer_softmax(Inference& in) {
  in.axes(Attr::kAxes, in.shape(0).rank());
  return *in.operands[0];
}

Type infer_log_softmax(Inference& in) { return infer_softmax(in); }

Type infer_logsumexp(Inference& in) {
  return {in.dtype(0), without_axes(in.shape(0), in.axes(Attr::kAxes, in.shape(0).rank()))};
}

Type infer_sigmoid(Inference& in) { return *in.operands[0]; }

Type infer_softplus(Inference& in) { return *in.operands[0]; }

Type infer_logaddexp(Inference& in) {
  if (in.operand(0) != in.operand(1)) {
    in.fail<ShapeError>("operand types differ: {} and {}", in.text(0), in.text(1));
  }
  return *in.operands[0];
}

}  // namespace ndl::ir
