// The meaning of the ops that make, convert and move data.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/convert_elements.h"
#include "ir/evaluate.h"
#include "ir/math/convert.h"
#include "ir/math/philox.h"
#include "ir/strided_copy.h"

namespace ndl::ir {
namespace {

std::vector<Literal> only(Literal literal) { return {std::move(literal)}; }

Literal uninitialized_result(const Evaluation& e) {
  return Literal::uninitialized(e.result.tensor());
}

// The strides of `dims` elements, steps[axis] apart, of a dense array with these strides. The step
// of an axis that nobody walks may be any number, so it is not multiplied.
Dims stepped(Dims strides, const Dims& dims, const Dims& steps) {
  for (std::size_t i = 0; i < strides.size(); ++i) {
    strides[i] = dims[i] > 1 ? strides[i] * steps[i] : 0;
  }
  return strides;
}

// Where the element with index `start` lies.
std::int64_t offset_of(const Dims& start, const Dims& strides) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < start.size(); ++i) offset += start[i] * strides[i];
  return offset;
}

// The result reads operand 0 through a view.
std::vector<Literal> read_through(const Evaluation& e, const StridedView& view) {
  Literal result = uninitialized_result(e);
  if (result.size() == 0) return only(std::move(result));
  strided_read(result.shape().dims(), size_of(result.dtype()), e.operands[0].bytes(), view,
               result.bytes());
  return only(std::move(result));
}

// The indices at which a window begins; throws IndexError unless it lies inside operand 0.
Dims window_start(const Evaluation& e, const Shape& window, const Literal& indices) {
  Dims start(window.rank());
  load_elements(indices.dtype(), indices.bytes(), start.data(), indices.size());
  const Shape& x = e.shape(0);
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (start[i] >= 0 && start[i] <= x[i] - window[i]) continue;
    throw_error<IndexError>(
        "{}: on axis {} a window of {} that starts at {} is not inside the "
        "extent of {}",
        e.def.name, i, window[i], start[i], x[i]);
  }
  return start;
}

}  // namespace

std::vector<Literal> evaluate_iota(const Evaluation& e) {
  Literal result = uninitialized_result(e);
  const Shape& shape = result.shape();
  const auto axis = static_cast<std::size_t>(e.attributes.integer(Attr::kAxis));
  const std::int64_t extent = shape[axis];
  const std::int64_t inner = product(std::span(shape.dims()).subspan(axis + 1));
  visit_dtype(result.dtype(), [&]<class T>(std::type_identity<T>) {
    T* out = result.mutable_data<T>();
    T* const end = out + result.size();
    while (out != end) {
      for (std::int64_t i = 0; i < extent; ++i) {
        out = std::fill_n(out, inner, math::convert_element<T>(i));
      }
    }
  });
  return only(std::move(result));
}

// Block n is philox4x32 of the 128-bit counter (state[1] + n modulo 2^64, 0), low words first,
// under the key state[0]. Its four words are four elements of i32, or two of i64, low word first.
std::vector<Literal> evaluate_rng_bits(const Evaluation& e) {
  Literal result = uninitialized_result(e);
  const auto* state = e.operands[0].data<std::int64_t>();
  const auto words_of = [](std::uint64_t x) {
    return std::array{static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(x >> 32)};
  };
  const math::PhiloxKey<std::uint32_t> key = words_of(static_cast<std::uint64_t>(state[0]));
  auto counter = static_cast<std::uint64_t>(state[1]);
  const std::int64_t bytes = result.type().bytes();
  const auto block = static_cast<std::int64_t>(sizeof(math::PhiloxCounter<std::uint32_t>));
  for (std::int64_t at = 0; at < bytes; at += block) {
    const auto [low, high] = words_of(counter++);
    const math::PhiloxCounter<std::uint32_t> words =
        math::philox4x32<std::uint32_t>({low, high, 0, 0}, key);
    std::memcpy(result.bytes() + at, words.data(),
                static_cast<std::size_t>(std::min(block, bytes - at)));
  }
  return only(std::move(result));
}

std::vector<Literal> evaluate_convert(const Evaluation& e) {
  return only(converted(e.operands[0], e.result.dtype()));
}

std::vector<Literal> evaluate_bitcast(const Evaluation& e) {
  const Literal& x = e.operands[0];
  if (!is_float(x.dtype()) || x.dtype() == e.result.dtype()) {
    return only(x.with_type(e.result.tensor()));
  }
  // Every NaN is the default one, or what computes a NaN would show in the bits.
  Literal plain = Literal::uninitialized(x.type());
  visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    const T nan = math::convert_element<T>(kNan);
    std::transform(x.data<T>(), x.data<T>() + x.size(), plain.mutable_data<T>(), [&](T value) {
      return std::isnan(math::convert_element<double>(value)) ? nan : value;
    });
  });
  return only(plain.with_type(e.result.tensor()));
}

std::vector<Literal> evaluate_reshape(const Evaluation& e) {
  return only(e.operands[0].with_type(e.result.tensor()));
}

std::vector<Literal> evaluate_after(const Evaluation& e) { return only(e.operands[0]); }

std::vector<Literal> evaluate_broadcast(const Evaluation& e) {
  const Shape& from = e.shape(0);
  const std::size_t added = e.result.shape().rank() - from.rank();
  const Dims strides = row_major_strides(from);
  StridedView view{0, Dims(added)};
  for (std::size_t i = 0; i < from.rank(); ++i) {
    view.strides.push_back(from[i] == 1 ? 0 : strides[i]);
  }
  return read_through(e, view);
}

std::vector<Literal> evaluate_transpose(const Evaluation& e) {
  const Dims strides = row_major_strides(e.shape(0));
  StridedView view;
  for (const std::int64_t axis : e.attributes.integers(Attr::kPermutation)) {
    view.strides.push_back(strides[static_cast<std::size_t>(axis)]);
  }
  return read_through(e, view);
}

std::vector<Literal> evaluate_reverse(const Evaluation& e) {
  StridedView view{0, row_major_strides(e.shape(0))};
  for (const std::int64_t value : e.attributes.integers(Attr::kAxes)) {
    const auto axis = static_cast<std::size_t>(value);
    view.offset += (e.shape(0)[axis] - 1) * view.strides[axis];
    view.strides[axis] = -view.strides[axis];
  }
  return read_through(e, view);
}

std::vector<Literal> evaluate_slice(const Evaluation& e) {
  const Dims strides = row_major_strides(e.shape(0));
  return read_through(
      e, {offset_of(e.attributes.integers(Attr::kStart), strides),
          stepped(strides, e.result.shape().dims(), e.attributes.integers(Attr::kStride))});
}

std::vector<Literal> evaluate_dynamic_slice(const Evaluation& e) {
  const Dims start = window_start(e, e.result.shape(), e.operands[1]);
  const Dims strides = row_major_strides(e.shape(0));
  return read_through(e, {offset_of(start, strides), strides});
}

std::vector<Literal> evaluate_dynamic_update_slice(const Evaluation& e) {
  const Literal& x = e.operands[0];
  const Literal& update = e.operands[1];
  const Dims start = window_start(e, update.shape(), e.operands[2]);
  Literal result = uninitialized_result(e);
  std::memcpy(result.bytes(), x.bytes(), static_cast<std::size_t>(x.type().bytes()));
  const Dims strides = row_major_strides(x.shape());
  strided_write(update.shape().dims(), size_of(x.dtype()), update.bytes(), result.bytes(),
                {offset_of(start, strides), strides});
  return only(std::move(result));
}

std::vector<Literal> evaluate_pad(const Evaluation& e) {
  const Literal& x = e.operands[0];
  const Dims& shape = x.shape().dims();
  Literal result = uninitialized_result(e);
  visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
    std::fill_n(result.mutable_data<T>(), result.size(), e.operands[1].at<T>(0));
  });
  if (x.size() == 0) return only(std::move(result));
  Dims steps;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t interior = e.attributes.integers(Attr::kInterior)[i];
    steps.push_back(shape[i] > 1 ? interior + 1 : 1);
  }
  const Dims strides = row_major_strides(result.shape());
  strided_write(
      shape, size_of(x.dtype()), x.bytes(), result.bytes(),
      {offset_of(e.attributes.integers(Attr::kLow), strides), stepped(strides, shape, steps)});
  return only(std::move(result));
}

std::vector<Literal> evaluate_concatenate(const Evaluation& e) {
  Literal result = uninitialized_result(e);
  const auto axis = static_cast<std::size_t>(e.attributes.integer(Attr::kAxis));
  StridedView view{0, row_major_strides(result.shape())};
  for (const Literal& x : e.operands) {
    strided_write(x.shape().dims(), size_of(x.dtype()), x.bytes(), result.bytes(), view);
    view.offset += x.shape()[axis] * view.strides[axis];
  }
  return only(std::move(result));
}

}  // namespace ndl::ir
