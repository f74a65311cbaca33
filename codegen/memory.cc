#include "codegen/memory.h"

#include "codegen/half.h"
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

}  // namespace

llvm::Value* load_lanes(DType dtype, llvm::Value* pointer) {
  return visit_dtype(dtype, [&]<class E>(std::type_identity<E>) -> llvm::Value* {
    if constexpr (std::is_same_v<E, bool>) {
      const Lane<std::uint8_t> bytes(load(lane_type<std::uint8_t>(), pointer, 1));
      return (bytes != constant<Lane<std::uint8_t>>(0)).value;
    } else if constexpr (ir::math::is_half_v<E>) {
      const Lane<std::uint16_t> stored(load(lane_type<std::uint16_t>(), pointer, 2));
      return widen<E>(convert<Lane<std::int32_t>>(stored)).value;
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
      const Lane<std::int32_t> bits = narrow<E>(Lane<float>(value));
      store(convert<Lane<std::uint16_t>>(bits).value, pointer, 2);
    } else {
      store(value, pointer, sizeof(E));
    }
  });
}

}  // namespace ndl::codegen
