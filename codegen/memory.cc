#include "codegen/memory.h"

#include "codegen/lane.h"
#include "ir/math/convert.h"

namespace ndl::codegen {
namespace {

using ir::math::constant;

llvm::Value* load(llvm::Type* type, llvm::Value* pointer, std::size_t alignment) {
  return emit().CreateAlignedLoad(type, pointer, llvm::Align(alignment));
}

void store(llvm::Value* value, llvm::Value* pointer, std::size_t alignment) {
  emit().CreateAlignedStore(value, pointer, llvm::Align(alignment));
}

// The formulas below are those of base/float16.h for one element, over lanes.

Lane<float> widen_f16(Lane<std::int32_t> bits) {
  using I = Lane<std::int32_t>;
  const I sign = (bits & constant<I>(0x8000)) << constant<I>(16);
  const I magnitude = bits & constant<I>(0x7fff);
  // The exponent moves from bias 15 to 127 by a product, which also makes subnormals right.
  const auto scaled =
      bit_cast<Lane<float>>(magnitude << constant<I>(13)) * constant<Lane<float>>(0x1p112f);
  const I special = (magnitude << constant<I>(13)) | constant<I>(0x7f800000);
  const I finite = bit_cast<I>(scaled);
  return bit_cast<Lane<float>>(sign | select(magnitude >= constant<I>(0x7c00), special, finite));
}

// To nearest even by adding a float whose last place is that of the result.
Lane<std::int32_t> narrow_f16(Lane<float> x) {
  using F = Lane<float>;
  using I = Lane<std::int32_t>;
  const I bits = bit_cast<I>(x);
  const I magnitude = bits & constant<I>(0x7fffffff);
  const I sign = (bits >> constant<I>(16)) & constant<I>(0x8000);
  // Subnormal results: one unit of 2^-24 is the last place of 0.5.
  const I tiny = bit_cast<I>(bit_cast<F>(magnitude) + constant<F>(0.5f)) - constant<I>(0x3f000000);
  // Normal ones: the exponent moves, half of the dropped part is added, ties look at the last bit.
  const I odd = (magnitude >> constant<I>(13)) & constant<I>(1);
  const I rounded = (magnitude + constant<I>(0xfff - ((127 - 15) << 23)) + odd) >> constant<I>(13);
  I result = select(magnitude < constant<I>(0x38800000), tiny, rounded);
  result = select(magnitude >= constant<I>(0x477ff000), constant<I>(0x7c00), result);
  result = select(magnitude > constant<I>(0x7f800000), constant<I>(0x7e00), result);
  return sign | result;
}

Lane<std::int32_t> narrow_bf16(Lane<float> x) {
  using I = Lane<std::int32_t>;
  const I bits = bit_cast<I>(x);
  const I odd = (bits >> constant<I>(16)) & constant<I>(1);
  const I rounded = (bits + constant<I>(0x7fff) + odd) >> constant<I>(16);
  return select(x != x, constant<I>(0x7fc0), rounded);
}

}  // namespace

llvm::Value* load_lanes(DType dtype, llvm::Value* pointer) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (std::is_same_v<E, bool>) {
      const Lane<std::uint8_t> bytes(load(lane_type<std::uint8_t>(), pointer, 1));
      return (bytes != constant<Lane<std::uint8_t>>(0)).value;
    } else if constexpr (ir::math::is_half_v<E>) {
      const Lane<std::uint16_t> narrow(load(lane_type<std::uint16_t>(), pointer, 2));
      const auto bits = convert<Lane<std::int32_t>>(narrow);
      if constexpr (std::is_same_v<E, Float16>) return widen_f16(bits).value;
      return bit_cast<Lane<float>>(bits << constant<Lane<std::int32_t>>(16)).value;
    } else {
      return load(lane_type<E>(), pointer, sizeof(E));
    }
  });
}

void store_lanes(DType dtype, llvm::Value* value, llvm::Value* pointer) {
  visit_dtype(dtype, [&]<class E>(std::type_identity<E>) {
    if constexpr (std::is_same_v<E, bool>) {
      store(convert<Lane<std::uint8_t>>(Mask(value)).value, pointer, 1);
    } else if constexpr (ir::math::is_half_v<E>) {
      const Lane<float> wide(value);
      Lane<std::int32_t> bits;
      if constexpr (std::is_same_v<E, Float16>) {
        bits = narrow_f16(wide);
      } else {
        bits = narrow_bf16(wide);
      }
      store(convert<Lane<std::uint16_t>>(bits).value, pointer, 2);
    } else {
      store(value, pointer, sizeof(E));
    }
  });
}

}  // namespace ndl::codegen
