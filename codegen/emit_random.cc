#include "codegen/emit_random.h"

#include "base/error.h"
#include "codegen/lane.h"
#include "ir/math/philox.h"

namespace ndl::codegen {
namespace {

using ir::math::constant;
using Word = Lane<std::uint32_t>;
using Wide = Lane<std::uint64_t>;

Word low_word(Wide x) { return convert<Word>(x); }
Word high_word(Wide x) { return convert<Word>(x >> constant<Wide>(32)); }

Mask has_bit(Wide x, int bit) {
  return (x & constant<Wide>(std::uint64_t(1) << bit)) != constant<Wide>(0);
}

}  // namespace

llvm::Value* emit_random_bits(DType dtype, llvm::Value* key, llvm::Value* counter,
                              llvm::Value* index) {
  NDL_CHECK(dtype == DType::kI32 || dtype == DType::kI64, "random bits of {}", name_of(dtype));
  // Elements of a block, as a power of two.
  const int block_bits = dtype == DType::kI32 ? 2 : 1;
  const Wide position(index);
  const Wide block = Wide(counter) + (position >> constant<Wide>(block_bits));
  const Word zero = constant<Word>(0);
  const ir::math::PhiloxCounter<Word> words = ir::math::philox4x32<Word>(
      {low_word(block), high_word(block), zero, zero}, {low_word(Wide(key)), high_word(Wide(key))});

  if (dtype == DType::kI32) {
    const Mask is_odd = has_bit(position, 0);
    const Word first = select(is_odd, words[1], words[0]);
    const Word second = select(is_odd, words[3], words[2]);
    return select(has_bit(position, 1), second, first).value;
  }
  const Mask is_odd = has_bit(position, 0);
  const Word low = select(is_odd, words[2], words[0]);
  const Word high = select(is_odd, words[3], words[1]);
  return (convert<Wide>(low) | (convert<Wide>(high) << constant<Wide>(32))).value;
}

}  // namespace ndl::codegen
