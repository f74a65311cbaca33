#include "codegen/half.h"

namespace ndl::codegen {
namespace {

using ir::math::constant;
using F = Lane<float>;
using I = Lane<std::int32_t>;

llvm::Type* half_type() {
  return llvm::FixedVectorType::get(llvm::Type::getHalfTy(emit().getContext()),
                                    LaneScope::current().width());
}

// What the two ways of rounding to f16 share. In both the magnitude of the result is a choice
// between a sum for subnormal results, one for normal ones, infinity and NaN.
struct RoundedF16 {
  I sign;          // of x, in place
  F tiny;          // |x| + 0.5, whose last place is one unit of 2^-24
  I normal;        // |x| rounded to the bits above the lowest 13, which are to be dropped
  Mask is_tiny;    // the result is subnormal or zero
  Mask overflows;  // to infinity, or x is NaN
  Mask is_nan;
};

RoundedF16 rounded_f16(F x) {
  RoundedF16 r;
  const I bits = bit_cast<I>(x);
  const I magnitude = bits & constant<I>(0x7fffffff);
  r.sign = bits ^ magnitude;
  r.tiny = bit_cast<F>(magnitude) + constant<F>(0.5f);
  // Half of the dropped part is added; ties look at the last bit that stays.
  const I odd = (magnitude >> constant<I>(13)) & constant<I>(1);
  r.normal = magnitude + constant<I>(0xfff) + odd;
  r.is_tiny = magnitude < constant<I>(0x38800000);
  r.overflows = magnitude >= constant<I>(0x477ff000);
  r.is_nan = magnitude > constant<I>(0x7f800000);
  return r;
}

// The bf16 nearest to x in the upper half; the lower one is to be dropped.
I rounded_bf16(F x) {
  const I bits = bit_cast<I>(x);
  const I odd = (bits >> constant<I>(16)) & constant<I>(1);
  return select(x != x, constant<I>(0x7fc00000), bits + constant<I>(0x7fff) + odd);
}

}  // namespace

template <>
Lane<float> widen<Float16>(I bits) {
  if (LaneScope::current().has_f16c()) {
    llvm::Value* half = emit().CreateBitCast(convert<Lane<std::uint16_t>>(bits).value, half_type());
    return F(emit().CreateFPExt(half, lane_type<float>()));
  }
  const I sign = (bits & constant<I>(0x8000)) << constant<I>(16);
  const I magnitude = (bits & constant<I>(0x7fff)) << constant<I>(13);
  // The exponent moves from bias 15 to 127 by a product, which also makes subnormals right.
  const I finite = bit_cast<I>(bit_cast<F>(magnitude) * constant<F>(0x1p112f));
  const I special = magnitude | constant<I>(0x7f800000);
  return bit_cast<F>(sign | select(magnitude >= constant<I>(0x7c00 << 13), special, finite));
}

template <>
Lane<float> widen<BFloat16>(I bits) {
  return bit_cast<F>(bits << constant<I>(16));
}

template <>
Lane<std::int32_t> narrow<Float16>(F x) {
  if (LaneScope::current().has_f16c()) {
    llvm::Value* half = emit().CreateFPTrunc(x.value, half_type());
    return convert<I>(Lane<std::uint16_t>(emit().CreateBitCast(half, lane_type<std::uint16_t>())));
  }
  const RoundedF16 r = rounded_f16(x);
  const I tiny = bit_cast<I>(r.tiny) - constant<I>(0x3f000000);
  const I normal = (r.normal - constant<I>((127 - 15) << 23)) >> constant<I>(13);
  I result = select(r.is_tiny, tiny, normal);
  result = select(r.overflows, constant<I>(0x7c00), result);
  result = select(r.is_nan, constant<I>(0x7e00), result);
  return ((r.sign >> constant<I>(16)) & constant<I>(0x8000)) | result;
}

template <>
Lane<std::int32_t> narrow<BFloat16>(F x) {
  return bit_cast<I>(bit_cast<Lane<std::uint32_t>>(rounded_bf16(x)) >>
                     constant<Lane<std::uint32_t>>(16));
}

template <>
Lane<float> round_to<Float16>(F x) {
  if (LaneScope::current().has_f16c()) {
    return F(emit().CreateFPExt(emit().CreateFPTrunc(x.value, half_type()), lane_type<float>()));
  }
  const RoundedF16 r = rounded_f16(x);
  const I tiny = bit_cast<I>(r.tiny - constant<F>(0.5f));
  const I normal = r.normal & constant<I>(~0x1fff);
  I result = select(r.is_tiny, tiny, normal);
  result = select(r.overflows, constant<I>(0x7f800000), result);
  result = select(r.is_nan, constant<I>(0x7fc00000), result);
  return bit_cast<F>(r.sign | result);
}

template <>
Lane<float> round_to<BFloat16>(F x) {
  return bit_cast<F>(rounded_bf16(x) & constant<I>(~0xffff));
}

}  // namespace ndl::codegen
