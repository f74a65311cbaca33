// Lanes: the scalar-like type whose operations emit LLVM IR.
//
// Lane<float> is a vector of floats that a kernel will compute. It offers the vocabulary of
// ir/math/scalar.h, so the formulas of the op table and of ir/math/ run on it unchanged: what the
// interpreter computes is, operation for operation, what is emitted. Lane<bool> is a mask.
//
// A LaneScope says where to emit, how wide, and whether the target fuses multiply and add; there is
// one at a time on a thread. A target that fuses is x86-64-v3 at least (codegen/target.h), which
// brings more than the fusing.
#pragma once

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <array>
#include <cstdint>
#include <type_traits>

#include "ir/math/scalar.h"

namespace ndl::codegen {

class LaneScope {
 public:
  LaneScope(llvm::IRBuilder<>& builder, unsigned width, bool has_fma)
      : builder_(builder), width_(width), has_fma_(has_fma), outer_(current_) {
    current_ = this;
  }
  ~LaneScope() { current_ = outer_; }
  LaneScope(const LaneScope&) = delete;
  LaneScope& operator=(const LaneScope&) = delete;

  static LaneScope& current() { return *current_; }

  llvm::IRBuilder<>& builder() const { return builder_; }
  unsigned width() const { return width_; }
  bool has_fma() const { return has_fma_; }
  // Conversion between f16 and f32.
  bool has_f16c() const { return has_fma_; }
  // Rounding to integral values.
  bool has_rounding() const { return has_fma_; }

 private:
  llvm::IRBuilder<>& builder_;
  unsigned width_;
  bool has_fma_;
  LaneScope* outer_;
  static thread_local LaneScope* current_;
};

inline llvm::IRBuilder<>& emit() { return LaneScope::current().builder(); }

// The LLVM type of one element in a register; bool is i1.
template <class E>
llvm::Type* element_type() {
  llvm::LLVMContext& context = emit().getContext();
  if constexpr (std::is_same_v<E, float>) return llvm::Type::getFloatTy(context);
  if constexpr (std::is_same_v<E, double>) return llvm::Type::getDoubleTy(context);
  if constexpr (std::is_same_v<E, bool>) return llvm::Type::getInt1Ty(context);
  if constexpr (std::is_integral_v<E>) return llvm::Type::getIntNTy(context, 8 * sizeof(E));
}

template <class E>
llvm::VectorType* lane_type() {
  return llvm::FixedVectorType::get(element_type<E>(), LaneScope::current().width());
}

template <class E>
struct Lane {
  llvm::Value* value = nullptr;

  Lane() = default;  // no value yet
  explicit Lane(llvm::Value* v) : value(v) {}
  // The same constant in every lane.
  explicit Lane(E constant) {
    llvm::Constant* scalar = nullptr;
    if constexpr (std::is_floating_point_v<E>) {
      scalar = llvm::ConstantFP::get(emit().getContext(), llvm::APFloat(constant));
    } else {
      scalar = llvm::ConstantInt::get(element_type<E>(), static_cast<std::uint64_t>(constant),
                                      std::is_signed_v<E>);
    }
    value = llvm::ConstantVector::getSplat(
        llvm::ElementCount::getFixed(LaneScope::current().width()), scalar);
  }
};

using Mask = Lane<bool>;

template <class E>
Lane<E> operator+(Lane<E> a, Lane<E> b) {
  if constexpr (std::is_floating_point_v<E>) return Lane<E>(emit().CreateFAdd(a.value, b.value));
  return Lane<E>(emit().CreateAdd(a.value, b.value));
}

template <class E>
Lane<E> operator-(Lane<E> a, Lane<E> b) {
  if constexpr (std::is_floating_point_v<E>) return Lane<E>(emit().CreateFSub(a.value, b.value));
  return Lane<E>(emit().CreateSub(a.value, b.value));
}

template <class E>
Lane<E> operator*(Lane<E> a, Lane<E> b) {
  if constexpr (std::is_floating_point_v<E>) return Lane<E>(emit().CreateFMul(a.value, b.value));
  return Lane<E>(emit().CreateMul(a.value, b.value));
}

template <class E>
Lane<E> operator/(Lane<E> a, Lane<E> b) {
  if constexpr (std::is_floating_point_v<E>) return Lane<E>(emit().CreateFDiv(a.value, b.value));
  if constexpr (std::is_signed_v<E>) return Lane<E>(emit().CreateSDiv(a.value, b.value));
  return Lane<E>(emit().CreateUDiv(a.value, b.value));
}

template <class E>
Lane<E> operator-(Lane<E> a) {
  if constexpr (std::is_floating_point_v<E>) return Lane<E>(emit().CreateFNeg(a.value));
  return Lane<E>(emit().CreateNeg(a.value));
}

template <class E>
Lane<E> operator&(Lane<E> a, Lane<E> b) {
  return Lane<E>(emit().CreateAnd(a.value, b.value));
}
template <class E>
Lane<E> operator|(Lane<E> a, Lane<E> b) {
  return Lane<E>(emit().CreateOr(a.value, b.value));
}
template <class E>
Lane<E> operator^(Lane<E> a, Lane<E> b) {
  return Lane<E>(emit().CreateXor(a.value, b.value));
}
template <class E>
Lane<E> operator~(Lane<E> a) {
  return Lane<E>(emit().CreateNot(a.value));
}
template <class E>
Lane<E> operator<<(Lane<E> a, Lane<E> b) {
  return Lane<E>(emit().CreateShl(a.value, b.value));
}
template <class E>
Lane<E> operator>>(Lane<E> a, Lane<E> b) {
  if constexpr (std::is_signed_v<E>) return Lane<E>(emit().CreateAShr(a.value, b.value));
  return Lane<E>(emit().CreateLShr(a.value, b.value));
}

// Comparisons. With NaN, != is true and the others are false.
#define NDL_LANE_COMPARISON(op, FloatName, SignedName, UnsignedName)                            \
  template <class E>                                                                            \
  Mask operator op(Lane<E> a, Lane<E> b) {                                                      \
    if constexpr (std::is_floating_point_v<E>) return Mask(emit().FloatName(a.value, b.value)); \
    if constexpr (std::is_signed_v<E>) return Mask(emit().SignedName(a.value, b.value));        \
    return Mask(emit().UnsignedName(a.value, b.value));                                         \
  }
NDL_LANE_COMPARISON(==, CreateFCmpOEQ, CreateICmpEQ, CreateICmpEQ)
NDL_LANE_COMPARISON(!=, CreateFCmpUNE, CreateICmpNE, CreateICmpNE)
NDL_LANE_COMPARISON(<, CreateFCmpOLT, CreateICmpSLT, CreateICmpULT)
NDL_LANE_COMPARISON(<=, CreateFCmpOLE, CreateICmpSLE, CreateICmpULE)
NDL_LANE_COMPARISON(>, CreateFCmpOGT, CreateICmpSGT, CreateICmpUGT)
NDL_LANE_COMPARISON(>=, CreateFCmpOGE, CreateICmpSGE, CreateICmpUGE)
#undef NDL_LANE_COMPARISON

template <class E>
Lane<E> select(Mask m, Lane<E> a, Lane<E> b) {
  return Lane<E>(emit().CreateSelect(m.value, a.value, b.value));
}

template <class U, class E>
U bit_cast(Lane<E> a) {
  return U(emit().CreateBitCast(a.value, lane_type<ir::math::element_of<U>>()));
}

template <class U, class E>
U convert(Lane<E> a) {
  using To = ir::math::element_of<U>;
  llvm::Type* type = lane_type<To>();
  if constexpr (std::is_same_v<To, E>) {
    return U(a.value);
  } else if constexpr (std::is_floating_point_v<To> && std::is_floating_point_v<E>) {
    return U(emit().CreateFPCast(a.value, type));
  } else if constexpr (std::is_floating_point_v<To>) {
    return U(std::is_signed_v<E> ? emit().CreateSIToFP(a.value, type)
                                 : emit().CreateUIToFP(a.value, type));
  } else if constexpr (std::is_floating_point_v<E>) {
    return U(std::is_signed_v<To> ? emit().CreateFPToSI(a.value, type)
                                  : emit().CreateFPToUI(a.value, type));
  } else {
    return U(emit().CreateIntCast(a.value, type, std::is_signed_v<E>));
  }
}

template <class E>
Lane<E> fused(Lane<E> a, Lane<E> b, Lane<E> c) {
  return Lane<E>(emit().CreateIntrinsic(llvm::Intrinsic::fma, {a.value->getType()},
                                        {a.value, b.value, c.value}));
}

template <class E>
Lane<E> madd(Lane<E> a, Lane<E> b, Lane<E> c) {
  return LaneScope::current().has_fma() ? fused(a, b, c) : a * b + c;
}

// a with its last bits cleared.
template <int kCount, class E>
Lane<E> without_last_bits(Lane<E> a) {
  using U = ir::math::uint_of<Lane<E>>;
  using Bits = ir::math::element_of<U>;
  return bit_cast<Lane<E>>(bit_cast<U>(a) & U(static_cast<Bits>(~((Bits(1) << kCount) - 1))));
}

// a == hi + lo, each with about half of the bits. hi is a truncated, so that neither it nor a
// product of such parts overflows where a or the product of the numbers does not.
template <class E>
ir::math::Pair<Lane<E>> split(Lane<E> a) {
  const Lane<E> hi = without_last_bits<(ir::math::Format<E>::kMantissaBits + 2) / 2>(a);
  return {hi, a - hi};
}

// Dekker's product where nothing is fused.
template <class E>
ir::math::Pair<Lane<E>> two_prod(Lane<E> a, Lane<E> b) {
  const Lane<E> hi = a * b;
  if (LaneScope::current().has_fma()) return {hi, fused(a, b, -hi)};
  const ir::math::Pair<Lane<E>> x = split(a);
  const ir::math::Pair<Lane<E>> y = split(b);
  const Lane<E> upper = (x.hi * y.hi - hi) + x.hi * y.lo + x.lo * y.hi;
  if constexpr (sizeof(E) == 4) return {hi, upper + x.lo * y.lo};
  // Two low parts have 27 bits, so that their product would have one too many.
  const Lane<E> last = a - without_last_bits<1>(a);
  return {hi, (upper + (x.lo - last) * y.lo) + last * y.lo};
}

template <class E>
Lane<E> residual(Lane<E> c, Lane<E> a, Lane<E> b) {
  if (LaneScope::current().has_fma()) return fused(-a, b, c);
  const ir::math::Pair<Lane<E>> product = two_prod(a, b);
  return (c - product.hi) - product.lo;
}

template <class E>
Lane<E> intrinsic(llvm::Intrinsic::ID id, Lane<E> a) {
  return Lane<E>(emit().CreateUnaryIntrinsic(id, a.value));
}

template <class E>
Lane<E> sqrt(Lane<E> a) {
  return intrinsic(llvm::Intrinsic::sqrt, a);
}

// Roundings to an integral value. Where there is no instruction for them: to nearest by adding a
// number whose last place is 1, at and beyond which all are integral; the others are the nearest
// one or its neighbour. The sign is that of a, also of a zero.
template <class E>
Lane<E> round_even(Lane<E> a) {
  if (LaneScope::current().has_rounding()) return intrinsic(llvm::Intrinsic::roundeven, a);
  const Lane<E> unit(E(1ull << ir::math::Format<E>::kMantissaBits));
  const Lane<E> magnitude = ir::math::abs(a);
  const Lane<E> nearest = (magnitude + unit) - unit;
  return select(magnitude < unit, ir::math::copysign(nearest, a), a);
}

template <class E>
Lane<E> floor(Lane<E> a) {
  if (LaneScope::current().has_rounding()) return intrinsic(llvm::Intrinsic::floor, a);
  const Lane<E> nearest = round_even(a);
  return ir::math::copysign(select(nearest > a, nearest - Lane<E>(E(1)), nearest), a);
}

template <class E>
Lane<E> ceil(Lane<E> a) {
  if (LaneScope::current().has_rounding()) return intrinsic(llvm::Intrinsic::ceil, a);
  const Lane<E> nearest = round_even(a);
  return ir::math::copysign(select(nearest < a, nearest + Lane<E>(E(1)), nearest), a);
}

template <class E>
Lane<E> trunc(Lane<E> a) {
  if (LaneScope::current().has_rounding()) return intrinsic(llvm::Intrinsic::trunc, a);
  return ir::math::copysign(floor(ir::math::abs(a)), a);
}

// A gather from a private constant of the module.
template <class E, class I, std::size_t N>
Lane<E> lookup(const std::array<E, N>& table, Lane<I> index) {
  llvm::IRBuilder<>& b = emit();
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  llvm::Constant* data = llvm::ConstantDataArray::get(b.getContext(), llvm::ArrayRef(table));
  llvm::GlobalVariable* global = nullptr;
  for (llvm::GlobalVariable& other : module.globals()) {
    if (other.isConstant() && other.hasInitializer() && other.getInitializer() == data) {
      global = &other;
    }
  }
  if (global == nullptr) {
    global = new llvm::GlobalVariable(module, data->getType(), true,
                                      llvm::GlobalValue::PrivateLinkage, data, "table");
    global->setAlignment(llvm::Align(64));
  }
  llvm::Value* pointers = b.CreateGEP(element_type<E>(), global, index.value);
  return Lane<E>(b.CreateMaskedGather(lane_type<E>(), pointers, llvm::Align(sizeof(E))));
}

}  // namespace ndl::codegen

namespace ndl::ir::math {

template <class E>
struct ScalarTraits<codegen::Lane<E>> {
  using element = E;
  using mask = codegen::Mask;
  template <class U>
  using rebind = codegen::Lane<U>;
};

}  // namespace ndl::ir::math
