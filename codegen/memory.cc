#include "codegen/memory.h"

#include <llvm/IR/Metadata.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "codegen/half.h"
#include "codegen/lane.h"
#include "ir/math/convert.h"

namespace ndl::codegen {
namespace {

using ir::math::constant;

llvm::Value* load(llvm::Type* type, llvm::Value* pointer, std::size_t alignment,
                  llvm::Value* mask) {
  const llvm::Align align(alignment);
  if (mask == nullptr) return emit().CreateAlignedLoad(type, pointer, align);
  return emit().CreateMaskedLoad(type, pointer, align, mask, llvm::Constant::getNullValue(type));
}

// How many lanes a mask that is known includes, if they are the first ones.
std::optional<unsigned> known_lanes(llvm::Value* mask) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(mask);
  if (constant == nullptr) return std::nullopt;
  const unsigned width = LaneScope::current().width();
  unsigned count = 0;
  while (count < width && constant->getAggregateElement(count)->isOneValue()) ++count;
  for (unsigned i = count; i < width; ++i) {
    if (!constant->getAggregateElement(i)->isNullValue()) return std::nullopt;
  }
  return count;
}

void store(llvm::Value* value, llvm::Value* pointer, std::size_t alignment, llvm::Value* mask) {
  const llvm::Align align(alignment);
  if (mask == nullptr) {
    emit().CreateAlignedStore(value, pointer, align);
    return;
  }
  // LLVM 22 makes of a store of one known lane of 16 bits a store of 32.
  if (const std::optional<unsigned> count = known_lanes(mask)) {
    if (*count == 0) return;
    std::vector<int> lanes(*count);
    std::iota(lanes.begin(), lanes.end(), 0);
    emit().CreateAlignedStore(emit().CreateShuffleVector(value, lanes), pointer, align);
    return;
  }
  emit().CreateMaskedStore(value, pointer, align, mask);
}

}  // namespace

llvm::Value* load_lanes(DType dtype, llvm::Value* pointer, llvm::Value* mask) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (std::is_same_v<E, bool>) {
      const Lane<std::uint8_t> bytes(load(lane_type<std::uint8_t>(), pointer, 1, mask));
      return (bytes != constant<Lane<std::uint8_t>>(0)).value;
    } else if constexpr (ir::math::is_half_v<E>) {
      const Lane<std::uint16_t> stored(load(lane_type<std::uint16_t>(), pointer, 2, mask));
      return widen<E>(convert<Lane<std::int32_t>>(stored)).value;
    } else {
      return load(lane_type<E>(), pointer, sizeof(E), mask);
    }
  });
}

namespace {

// store(value, size of an element) for the lanes as they are in memory.
template <class F>
void store_as(DType dtype, llvm::Value* value, F&& store) {
  visit_dtype(dtype, [&]<class E>(std::type_identity<E>) {
    if constexpr (std::is_same_v<E, bool>) {
      store(convert<Lane<std::uint8_t>>(Mask(value)).value, std::size_t{1});
    } else if constexpr (ir::math::is_half_v<E>) {
      const Lane<std::int32_t> bits = narrow<E>(Lane<float>(value));
      store(convert<Lane<std::uint16_t>>(bits).value, std::size_t{2});
    } else {
      store(value, sizeof(E));
    }
  });
}

}  // namespace

void store_lanes(DType dtype, llvm::Value* value, llvm::Value* pointer, llvm::Value* mask) {
  store_as(dtype, value,
           [&](llvm::Value* stored, std::size_t size) { store(stored, pointer, size, mask); });
}

std::int64_t stream_alignment(DType dtype, unsigned width) {
  constexpr std::int64_t kLine = 64;
  return std::min(kLine, static_cast<std::int64_t>(size_of(dtype)) * width);
}

void stream_lanes(DType dtype, llvm::Value* value, llvm::Value* pointer) {
  const std::int64_t alignment = stream_alignment(dtype, LaneScope::current().width());
  store_as(dtype, value, [&](llvm::Value* stored, std::size_t) {
    llvm::StoreInst* store = emit().CreateAlignedStore(
        stored, pointer, llvm::Align(static_cast<std::uint64_t>(alignment)));
    llvm::LLVMContext& context = store->getContext();
    store->setMetadata(
        llvm::LLVMContext::MD_nontemporal,
        llvm::MDNode::get(context, llvm::ConstantAsMetadata::get(emit().getInt32(1))));
  });
}

}  // namespace ndl::codegen
