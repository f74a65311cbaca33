// 16-bit floats in float lanes: the formulas of base/float16.h for one element, over lanes.
//
// The bits of a half are the low 16 of an int32 lane, the others being 0. Narrowing rounds to
// nearest even; a NaN gives some NaN. Internal to codegen.
#pragma once

#include "base/float16.h"
#include "codegen/lane.h"

namespace ndl::codegen {

// The float with the bits of an H, which is Float16 or BFloat16; exact.
template <class H>
Lane<float> widen(Lane<std::int32_t> bits);
// The bits of the H nearest to x.
template <class H>
Lane<std::int32_t> narrow(Lane<float> x);
// The H nearest to x as a float: widen(narrow(x)), in fewer steps.
template <class H>
Lane<float> round_to(Lane<float> x);

template <>
Lane<float> widen<Float16>(Lane<std::int32_t> bits);
template <>
Lane<float> widen<BFloat16>(Lane<std::int32_t> bits);
template <>
Lane<std::int32_t> narrow<Float16>(Lane<float> x);
template <>
Lane<std::int32_t> narrow<BFloat16>(Lane<float> x);
template <>
Lane<float> round_to<Float16>(Lane<float> x);
template <>
Lane<float> round_to<BFloat16>(Lane<float> x);

}  // namespace ndl::codegen
