#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "ir/math/convert.h"
#include "tools/io/npz.h"
#include "tools/machine.h"
#include "tools/random.h"
#include "tools/spec.h"

namespace ndl::tools {
namespace {

using ir::Literal;
using ir::TensorType;

// Makes the elements of one specification.
struct Generator {
  const Spec& spec;
  std::uint64_t key;
  const TypeCheck& check;

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw_error<UsageError>("'{}': {}", excerpt(spec.text),
                            fmt::format(format, std::forward<Args>(args)...));
  }

  const TensorType& type() const { return *spec.type; }

  template <class T>
  T parse_element(std::string_view text) const {
    if constexpr (std::is_same_v<T, bool>) {
      if (text == "0") return false;
      if (text == "1") return true;
    }
    T value{};
    const NumberError error = from_text(text, value);
    if (error == NumberError::kNone) return value;
    if (error == NumberError::kRange) {
      fail("{} is out of the range of {}", excerpt(text), name_of(dtype_of<T>));
    }
    const std::string_view near =
        nearest_name(text, {"zeros", "ones", "iota", "rand", "randn", "inf", "nan"});
    fail("'{}' is not a value of {}{}", excerpt(text), name_of(dtype_of<T>),
         near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }

  Literal operator()(const Spec::Values& values) const {
    const std::int64_t size = type().shape.num_elements();
    const auto count = static_cast<std::int64_t>(values.texts.size());
    if (count != size && count != 1) {
      fail("{} values for {}, which has {} elements", count, type().to_string(), size);
    }
    return visit_dtype(type().dtype, [&]<class T>(std::type_identity<T>) {
      if (count != size) return Literal::splat<T>(type(), parse_element<T>(values.texts[0]));
      Literal literal = Literal::uninitialized(type());
      for (std::int64_t i = 0; i < size; ++i) {
        literal.mutable_data<T>()[i] = parse_element<T>(values.texts[static_cast<std::size_t>(i)]);
      }
      return literal;
    });
  }

  void check_file_type(const TensorType& found) const {
    if (found == type()) return;
    const std::string message = fmt::format("'{}': the file holds {}, not {}", excerpt(spec.text),
                                            found.to_string(), type().to_string());
    if (found.dtype != type().dtype) throw DTypeError(message);
    throw ShapeError(message);
  }

  Literal operator()(const Spec::File& file) const {
    const TypeCheck of_spec = [&](const TensorType& found) { check_file_type(found); };
    const TypeCheck& wanted = spec.type ? of_spec : check;
    return file.key.empty() ? read_npy(file.path, wanted) : read_npz(file.path, file.key, wanted);
  }

  Literal operator()(Spec::Pattern pattern) const {
    if (pattern != Spec::Pattern::kIota) {
      return Literal::filled(type(), pattern == Spec::Pattern::kOnes ? 1 : 0);
    }
    if (type().dtype == DType::kBool) fail("iota counts, which bool cannot");
    require_memory(type().bytes(), type().to_string());
    Literal literal = Literal::uninitialized(type());
    visit_dtype(type().dtype, [&]<class T>(std::type_identity<T>) {
      for (std::int64_t i = 0; i < literal.size(); ++i) {
        literal.mutable_data<T>()[i] = ir::math::convert_element<T>(i);
      }
    });
    return literal;
  }

  // A bound of integers: one of the dtype, or one beyond it.
  std::int64_t parse_bound(std::string_view text) const {
    std::int64_t value = 0;
    if (from_text(text, value) != NumberError::kNone) fail("'{}' is not an integer", excerpt(text));
    return value;
  }

  Literal integers(const Spec::Uniform& uniform) const {
    if (type().dtype == DType::kBool) {
      if (!uniform.low.empty()) fail("bool takes rand without bounds");
      return uniform_integers(type(), 0, 1, key);
    }
    if (uniform.low.empty()) return uniform_integers(type(), 0, 9, key);
    const std::int64_t low = parse_bound(uniform.low);
    const std::int64_t high = parse_bound(uniform.high);
    if (low >= high) fail("the lower bound {} is not below {}", low, high);
    visit_dtype(type().dtype, [&]<class T>(std::type_identity<T>) {
      if constexpr (std::is_integral_v<T>) {
        if (low < std::numeric_limits<T>::min() || high - 1 > std::numeric_limits<T>::max()) {
          fail("{}..{} is not inside the range of {}", low, high - 1, name_of(type().dtype));
        }
      }
    });
    return uniform_integers(type(), low, high - 1, key);
  }

  Literal operator()(const Spec::Uniform& uniform) const {
    require_memory(type().bytes(), type().to_string());
    if (!is_float(type().dtype)) return integers(uniform);
    double low = 0;
    double high = 1;
    if (!uniform.low.empty()) {
      low = parse_element<double>(uniform.low);
      high = parse_element<double>(uniform.high);
    }
    if (!(low <= high) || !std::isfinite(high - low)) {
      fail("{} to {} is not a range of finite numbers", low, high);
    }
    return uniform_floats(type(), low, high, key);
  }

  Literal operator()(const Spec::Normal& normal) const {
    if (!is_float(type().dtype)) fail("randn makes floats, not {}", name_of(type().dtype));
    require_memory(type().bytes(), type().to_string());
    return normal_floats(type(), normal.mean, normal.deviation, key);
  }
};

}  // namespace

Literal make_literal(const Spec& spec, std::uint64_t seed, std::uint64_t stream,
                     const TypeCheck& check) {
  return std::visit(Generator{spec, random_key(seed, stream), check}, spec.source);
}

}  // namespace ndl::tools
