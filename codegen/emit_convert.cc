#include "codegen/emit_convert.h"

#include <limits>

#include "base/error.h"
#include "codegen/half.h"
#include "codegen/lane.h"
#include "ir/math/convert.h"

namespace ndl::codegen {
namespace {

using ir::math::constant;
using ir::math::is_half_v;

// What lanes of dtype E hold.
template <class E>
using Held = std::conditional_t<is_half_v<E>, float, E>;

// x converted to integers: truncated, saturated, NaN to 0.
template <class To, class From>
Lane<To> saturated(Lane<From> x) {
  using F = Lane<From>;
  if constexpr (sizeof(To) < sizeof(std::int32_t)) {
    // There are no instructions for narrow integers; their ends are values of From.
    const F low = constant<F>(std::numeric_limits<To>::min());
    const F high = constant<F>(std::numeric_limits<To>::max());
    const F above = select(x > low, x, low);
    const F inside = select(above < high, above, high);
    const auto result = convert<Lane<std::int32_t>>(inside);
    return convert<Lane<To>>(select(x == x, result, constant<Lane<std::int32_t>>(0)));
  } else {
    // The end is a power of two, so that it is exact in From.
    const F low = constant<F>(std::numeric_limits<To>::min());
    const F end = -low;
    const F above = select(x >= low, x, low);
    // Also replaces NaN, by 0; what lies at or beyond the end is replaced again below.
    const F inside = select(x < end, above, constant<F>(0));
    return select(x >= end, constant<Lane<To>>(std::numeric_limits<To>::max()),
                  convert<Lane<To>>(inside));
  }
}

// An integer of at most `kBits` significant bits, which a float of that precision holds exactly,
// and which rounds to f16 or bf16 as x does. Where x has more, its lowest bits become one sticky
// bit: rounding to odd, which in two's complement is the same for either sign.
template <int kBits, class E>
Lane<E> sticky(Lane<E> x) {
  using I = Lane<E>;
  constexpr E kDropped = (E(1) << (8 * sizeof(E) - kBits)) - 1;
  constexpr E kLimit = E(1) << kBits;
  const Mask has_dropped = (x & constant<I>(kDropped)) != constant<I>(0);
  const I kept = x & constant<I>(~kDropped);
  const I odd = select(has_dropped, kept | constant<I>(kDropped + 1), kept);
  const Mask is_short = (x > constant<I>(-kLimit)) & (x < constant<I>(kLimit));
  return select(is_short, x, odd);
}

// A float that rounds to f16 or bf16 as x does: rounded to odd, by stepping back where rounding to
// nearest went up, and then setting the last bit of what is not exact.
Lane<float> rounded_to_odd(Lane<double> x) {
  using D = Lane<double>;
  using I = Lane<std::int32_t>;
  const auto nearest = convert<Lane<float>>(x);
  const auto back = convert<D>(nearest);
  const I zero = constant<I>(0);
  const I one = constant<I>(1);
  const Mask went_up = ir::math::abs(back) > ir::math::abs(x);
  const Mask is_inexact = (back < x) | (back > x);  // false for NaN
  const I truncated = bit_cast<I>(nearest) - select(went_up, one, zero);
  return bit_cast<Lane<float>>(truncated | select(is_inexact, one, zero));
}

template <class To, class From>
llvm::Value* converted(llvm::Value* value) {
  using T = Held<To>;
  using F = Held<From>;
  const Lane<F> x(value);
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<To, bool>) {
    return (x != constant<Lane<F>>(0)).value;
  } else if constexpr (is_half_v<To>) {
    if constexpr (std::is_same_v<F, std::int64_t>) {
      return round_to<To>(rounded_to_odd(convert<Lane<double>>(sticky<53>(x)))).value;
    } else if constexpr (std::is_same_v<F, std::int32_t>) {
      return round_to<To>(convert<Lane<float>>(sticky<24>(x))).value;
    } else if constexpr (std::is_same_v<F, double>) {
      return round_to<To>(rounded_to_odd(x)).value;
    } else {
      return round_to<To>(convert<Lane<float>>(x)).value;
    }
  } else if constexpr (std::is_floating_point_v<F> && std::is_integral_v<T>) {
    return saturated<T>(x).value;
  } else {
    return convert<Lane<T>>(x).value;
  }
}

// The bits of lanes of dtype E as integers of E's width.
template <class E>
llvm::Value* bits_of(llvm::Value* value) {
  if constexpr (std::is_same_v<E, bool>) {
    return convert<Lane<std::uint8_t>>(Mask(value)).value;
  } else if constexpr (std::is_integral_v<E>) {
    return value;
  } else {
    using F = Lane<Held<E>>;
    const F x(value);
    const F plain = select(x == x, x, constant<F>(std::numeric_limits<Held<E>>::quiet_NaN()));
    if constexpr (is_half_v<E>) {
      return convert<Lane<std::uint16_t>>(narrow<E>(plain)).value;
    } else {
      return bit_cast<ir::math::int_of<F>>(plain).value;
    }
  }
}

// Lanes of dtype E that have the bits.
template <class E>
llvm::Value* with_bits(llvm::Value* bits) {
  if constexpr (is_half_v<E>) {
    return widen<E>(convert<Lane<std::int32_t>>(Lane<std::uint16_t>(bits))).value;
  } else {
    return emit().CreateBitCast(bits, lane_type<E>());
  }
}

}  // namespace

llvm::Value* emit_convert(DType from, DType to, llvm::Value* value) {
  return visit_dtype(from, [&]<class From>(std::type_identity<From>) {
    return visit_dtype(
        to, [&]<class To>(std::type_identity<To>) { return converted<To, From>(value); });
  });
}

llvm::Value* emit_bitcast(DType from, DType to, llvm::Value* value) {
  if (from == to) return value;
  NDL_CHECK(size_of(from) == size_of(to) && to != DType::kBool, "bitcast of {} to {}",
            name_of(from), name_of(to));
  llvm::Value* bits =
      visit_dtype(from, [&]<class E>(std::type_identity<E>) { return bits_of<E>(value); });
  return visit_dtype(to, [&]<class E>(std::type_identity<E>) { return with_bits<E>(bits); });
}

llvm::Value* round_lanes(DType dtype, llvm::Value* value) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (is_half_v<E>) {
      return round_to<E>(Lane<float>(value)).value;
    } else {
      return value;
    }
  });
}

}  // namespace ndl::codegen
