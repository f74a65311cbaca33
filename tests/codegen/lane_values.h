// Values that a conversion or an operation on bits could get wrong.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "ir/literal.h"

namespace ndl::codegen {

// All bit patterns of dtypes of at most 16 bits. For wider ones some 2^20 patterns in every part of
// their range; of floats also the neighbours of powers of two, of the numbers of the narrower
// formats and of what lies halfway between those; of integers the sums of three powers of two and
// their neighbours. The number of elements is a multiple of 64.
ir::Literal lane_values(DType dtype);

// Random elements: half of them any pattern of bits, of every magnitude alike, the others small
// numbers and special values.
ir::Literal random_values(const ir::TensorType& type, std::uint64_t seed);

}  // namespace ndl::codegen
