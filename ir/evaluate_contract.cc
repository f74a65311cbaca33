// The meaning of matmul and conv, in the order that ir/reduction.h defines.
#include <algorithm>
#include <array>

#include "ir/convert_elements.h"
#include "ir/evaluate.h"
#include "ir/reduction.h"
#include "ir/row_major_walk.h"

namespace ndl::ir {
namespace {

// A matrix of `depth` rows; rows are `stride` elements apart.
template <class A>
struct Matrix {
  const A* data;
  std::int64_t depth;
  std::int64_t columns;
  std::int64_t stride;
};

// Columns summed side by side: enough to hide the latency of an addition, few enough for registers.
constexpr std::int64_t kColumns = 32;

// kColumns elements of the vector-matrix product, or the fewer of kCount.
template <class A>
[[gnu::always_inline]] inline void multiply_columns(const A* x, const Matrix<A>& matrix,
                                                    std::int64_t column, std::int64_t count,
                                                    A* out) {
  A totals[kColumns] = {};
  for (std::int64_t begin = 0; begin < matrix.depth; begin += kContractionBlock) {
    const std::int64_t end = std::min(matrix.depth, begin + kContractionBlock);
    A sums[kColumns] = {};
    const auto accumulate = [&](std::int64_t columns) __attribute__((always_inline)) {
      for (std::int64_t k = begin; k < end; ++k) {
        const A* row = matrix.data + k * matrix.stride + column;
        for (std::int64_t j = 0; j < columns; ++j) {
          if constexpr (math::is_float_v<A>) {
            sums[j] = math::madd(x[k], row[j], sums[j]);
          } else {
            sums[j] = math::add(sums[j], math::mul(x[k], row[j]));
          }
        }
      }
    };
    // The constant makes this a vector loop.
    if (count == kColumns) {
      accumulate(kColumns);
    } else {
      accumulate(count);
    }
    for (std::int64_t j = 0; j < kColumns; ++j) {
      totals[j] = begin == 0 ? sums[j] : math::add(totals[j], sums[j]);
    }
  }
  std::copy_n(totals, count, out);
}

template <class A>
[[gnu::always_inline]] inline void multiply_in_tiles(const A* x, const Matrix<A>& matrix, A* out) {
  for (std::int64_t column = 0; column < matrix.columns; column += kColumns) {
    multiply_columns(x, matrix, column, std::min(kColumns, matrix.columns - column), out + column);
  }
}

// The same formula for machines whose fused multiply-add is an instruction, not a library call. The
// bits are the same: both round a * b + c once, and nothing else depends on the instruction set.
template <class A>
[[gnu::target("avx2,fma")]] void multiply_with_fma(const A* x, const Matrix<A>& matrix, A* out) {
  multiply_in_tiles(x, matrix, out);
}

// out[j] = sum over k of x[k] * matrix[k, j].
template <class A>
void multiply(const A* x, const Matrix<A>& matrix, A* out) {
  static const bool has_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_fma) {
    multiply_with_fma(x, matrix, out);
  } else {
    multiply_in_tiles(x, matrix, out);
  }
}

template <class A>
void matmul(const Literal& a, const Literal& b, Literal& result) {
  const Shape& shape = result.shape();
  const std::size_t batch_rank = shape.rank() - 2;
  const std::int64_t rows = shape[batch_rank];
  const std::int64_t columns = shape[batch_rank + 1];
  const std::int64_t depth = a.shape()[a.shape().rank() - 1];
  const auto stride = [&](const Literal& x, std::size_t axis) -> std::int64_t {
    const std::size_t missing = shape.rank() - x.shape().rank();
    if (axis < missing || x.shape()[axis - missing] == 1) return 0;
    return row_major_strides(x.shape())[axis - missing];
  };
  std::vector<WalkAxis<2>> batch;
  for (std::size_t i = 0; i < batch_rank; ++i) {
    batch.push_back({shape[i], {stride(a, i), stride(b, i)}});
  }
  RowMajorWalk<2> walk(std::move(batch));
  A* out = result.mutable_data<A>();
  do {
    const A* x = a.data<A>() + walk.offset(0);
    const Matrix<A> matrix{b.data<A>() + walk.offset(1), depth, columns, columns};
    for (std::int64_t i = 0; i < rows; ++i) {
      multiply(x + i * depth, matrix, out);
      out += columns;
    }
  } while (walk.next());
}

// One spatial axis of a convolution.
struct ConvAxis {
  std::int64_t extent;  // of x
  std::int64_t stride;
  std::int64_t low;
  std::int64_t dilation;
  std::int64_t base_dilation;

  // The index in x that kernel position `tap` meets at the output position, or -1 for padding and
  // for what lies between dilated elements.
  std::int64_t source(std::int64_t output, std::int64_t tap) const {
    const std::int64_t position = output * stride + tap * dilation - low;
    if (position < 0 || position % base_dilation != 0) return -1;
    return position / base_dilation < extent ? position / base_dilation : -1;
  }
};

std::vector<WalkAxis<0>> walk_axes(std::span<const std::int64_t> extents) {
  std::vector<WalkAxis<0>> axes;
  for (const std::int64_t extent : extents) axes.push_back({extent, {}});
  return axes;
}

// For every output position and group, the patch of x under the kernel is a vector in the order of
// the contraction index, and the group's columns of the kernel a matrix.
template <class A>
void conv(const Literal& x, const Literal& kernel, const Attributes& attributes, Literal& result) {
  const std::size_t spatial = x.shape().rank() - 2;
  const std::int64_t groups = attributes.integer(Attr::kGroups);
  const std::int64_t channels = kernel.shape()[spatial];
  const std::int64_t features = kernel.shape()[spatial + 1];
  const std::int64_t taps = product(std::span(kernel.shape().dims()).first(spatial));
  const std::int64_t depth = taps * channels;
  std::vector<ConvAxis> axes;
  for (std::size_t i = 0; i < spatial; ++i) {
    axes.push_back({x.shape()[i + 1], attributes.integers(Attr::kStride)[i],
                    attributes.integers(Attr::kLow)[i], attributes.integers(Attr::kDilation)[i],
                    attributes.integers(Attr::kBaseDilation)[i]});
  }

  // Patches of all groups, one after the other.
  std::vector<A> patches(static_cast<std::size_t>(groups * depth));
  RowMajorWalk<0> outputs(walk_axes(std::span(result.shape().dims()).first(spatial + 1)));
  RowMajorWalk<0> tap_walk(walk_axes(std::span(kernel.shape().dims()).first(spatial)));
  A* out = result.mutable_data<A>();
  do {
    std::int64_t tap = 0;
    do {
      std::int64_t pixel = outputs.index()[0];
      bool is_padding = false;
      for (std::size_t i = 0; i < spatial; ++i) {
        const std::int64_t at = axes[i].source(outputs.index()[i + 1], tap_walk.index()[i]);
        is_padding = is_padding || at < 0;
        pixel = pixel * axes[i].extent + at;
      }
      for (std::int64_t group = 0; group < groups; ++group) {
        A* patch = patches.data() + group * depth + tap * channels;
        if (is_padding) {
          std::fill_n(patch, channels, A(0));
        } else {
          std::copy_n(x.data<A>() + (pixel * groups + group) * channels, channels, patch);
        }
      }
      ++tap;
    } while (tap_walk.next());
    for (std::int64_t group = 0; group < groups; ++group) {
      const std::int64_t columns = features / groups;
      const Matrix<A> matrix{kernel.data<A>() + group * columns, depth, columns, features};
      multiply(patches.data() + group * depth, matrix, out);
      out += columns;
    }
  } while (outputs.next());
}

// f fills a result of the accumulator's dtype from operands of that dtype.
template <class F>
std::vector<Literal> contract(const Evaluation& e, F&& f) {
  Literal result;
  visit_accumulator(e.dtype(0), [&]<class A>(std::type_identity<A>) {
    if constexpr (math::is_bool_v<A>) {
      NDL_CHECK(false, "a contraction of bool");
    } else {
      Literal sums = Literal::uninitialized({dtype_of<A>, e.result.shape()});
      if (sums.size() != 0) {
        f.template operator()<A>(converted(e.operands[0], dtype_of<A>),
                                 converted(e.operands[1], dtype_of<A>), sums);
      }
      result = converted(sums, e.dtype(0));
    }
  });
  return {std::move(result)};
}

}  // namespace

std::vector<Literal> evaluate_matmul(const Evaluation& e) {
  return contract(e, []<class A>(const Literal& a, const Literal& b, Literal& result) {
    matmul<A>(a, b, result);
  });
}

std::vector<Literal> evaluate_conv(const Evaluation& e) {
  return contract(e, [&]<class A>(const Literal& x, const Literal& kernel, Literal& result) {
    conv<A>(x, kernel, e.attributes, result);
  });
}

}  // namespace ndl::ir
