#include "ir/literal.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "base/hash.h"
#include "base/number.h"
#include "ir/math/convert.h"

namespace ndl::ir {
namespace {

std::byte* allocate(std::int64_t elements, DType dtype) {
  const std::size_t bytes = static_cast<std::size_t>(elements) * size_of(dtype);
  if (auto* data = new (std::nothrow) std::byte[bytes]) return data;
  throw_error<ResourceError>("needs {} bytes, limit of the system", bytes);
}

}  // namespace

Literal::Literal() : Literal(TensorType{}, 1, true) { mutable_data<float>()[0] = 0; }

Literal::Literal(TensorType type, std::int64_t stored, bool is_splat)
    : type_(std::move(type)), buffer_(allocate(stored, type_.dtype)), is_splat_(is_splat) {}

Literal Literal::filled(TensorType type, double value) {
  return visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    return splat<T>(type, math::convert_element<T>(value));
  });
}

Literal Literal::uninitialized(TensorType type) {
  const std::int64_t stored = type.shape.num_elements();
  return Literal(std::move(type), stored, false);
}

double Literal::as_double(std::int64_t index) const {
  return visit_dtype(dtype(), [&]<class T>(std::type_identity<T>) {
    return math::convert_element<double>(at<T>(index));
  });
}

Literal Literal::dense() const {
  if (!is_splat_) return *this;
  Literal result = uninitialized(type_);
  visit_dtype(dtype(), [&]<class T>(std::type_identity<T>) {
    std::fill_n(result.mutable_data<T>(), size(), data<T>()[0]);
  });
  return result;
}

Literal Literal::compact() const {
  if (size() == 0) return zeros(type_);
  if (is_splat_) return *this;
  const std::size_t width = size_of(dtype());
  const std::size_t total = static_cast<std::size_t>(size()) * width;
  // All elements equal the first exactly when the buffer equals itself one element further on.
  if (std::memcmp(bytes(), bytes() + width, total - width) != 0) return *this;
  Literal result(type_, 1, true);
  std::memcpy(result.bytes(), bytes(), width);
  return result;
}

Literal Literal::with_type(TensorType type) const {
  NDL_CHECK(type.shape.num_elements() == size() && size_of(type.dtype) == size_of(dtype()));
  Literal result = *this;
  result.type_ = std::move(type);
  return result;
}

bool Literal::operator==(const Literal& other) const {
  if (type_ != other.type_) return false;
  const std::size_t width = size_of(dtype());
  if (size() == 0) return true;
  if (is_splat_ == other.is_splat_) {
    return std::memcmp(bytes(), other.bytes(), static_cast<std::size_t>(stored()) * width) == 0;
  }
  return compact().is_splat_ && other.compact().is_splat_ && compact() == other.compact();
}

std::size_t Literal::hash() const {
  const Literal canonical = compact();
  std::size_t seed = Type(type_).hash();
  const std::size_t width = size_of(dtype());
  const auto total = static_cast<std::size_t>(canonical.stored()) * width;
  for (std::size_t i = 0; i < total; i += 8) {
    std::size_t word = 0;
    std::memcpy(&word, canonical.bytes() + i, std::min<std::size_t>(8, total - i));
    hash_combine(seed, word);
  }
  return seed;
}

std::string Literal::to_string() const {
  return visit_dtype(dtype(), [&]<class T>(std::type_identity<T>) -> std::string {
    if (is_splat_ || shape().rank() == 0) return to_text(at<T>(0));
    const std::size_t rank = shape().rank();
    if (size() == 0) return "[]";
    std::string text(rank, '[');
    const Dims strides = row_major_strides(shape());
    for (std::int64_t i = 0; i < size(); ++i) {
      if (i != 0) {
        // As many brackets close and open as there are axes whose block ends here.
        std::size_t closed = 0;
        for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
          if (i % strides[axis] == 0) ++closed;
        }
        text.append(closed, ']');
        text += ", ";
        text.append(closed, '[');
      }
      text += to_text(data<T>()[i]);
    }
    return text.append(rank, ']');
  });
}

}  // namespace ndl::ir
