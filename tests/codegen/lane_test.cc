// The parts of lanes that have another formula where multiply and add do not fuse.
#include "codegen/lane.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>

#include "base/hash.h"
#include "tests/codegen/lane_functions.h"

namespace ndl::codegen {
namespace {

template <class E>
class WithoutFma : public testing::Test {
 protected:
  WithoutFma() {
    constexpr unsigned kWidth = 16 / sizeof(E);
    LaneFunctions functions(target_named("x86-64"));
    functions.add_scalar("low", dtype_of<E>, 2, kWidth, [](std::span<llvm::Value* const> v) {
      return two_prod(Lane<E>(v[0]), Lane<E>(v[1])).lo.value;
    });
    code_ = functions.compile();
    low_ = reinterpret_cast<E (*)(E, E)>(code_->function("low"));
  }

  // The low part of a product.
  E low(E a, E b) const { return low_(a, b); }

 private:
  std::unique_ptr<MachineCode> code_;
  E (*low_)(E, E) = nullptr;
};

using Elements = testing::Types<float, double>;
TYPED_TEST_SUITE(WithoutFma, Elements);

TYPED_TEST(WithoutFma, ProductsAreExact) {
  using E = TypeParam;
  using Bits = std::conditional_t<sizeof(E) == 4, std::uint32_t, std::uint64_t>;
  // The smallest product the parts of which are all exact.
  const E smallest =
      std::ldexp(E(1), std::numeric_limits<E>::min_exponent + 2 * std::numeric_limits<E>::digits);
  int checked = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const E a = std::bit_cast<E>(static_cast<Bits>(mix_bits(2 * i)));
    // Of random pairs many have no such product, so every other one has a factor near 1.
    E b = std::bit_cast<E>(static_cast<Bits>(mix_bits(2 * i + 1)));
    if (!std::isnormal(b)) continue;
    if (i % 2 == 0) b = std::ldexp(std::abs(b), -std::ilogb(b) - static_cast<int>(i % 4));
    const E product = a * b;
    if (!std::isfinite(product) || std::abs(product) < smallest) continue;
    ASSERT_EQ(this->low(a, b), std::fma(a, b, -product)) << a << " " << b;
    ++checked;
  }
  EXPECT_GT(checked, 500'000);
}

// A factor that is close to overflow, and a product of which this is true.
TYPED_TEST(WithoutFma, PartsOfProductsDoNotOverflow) {
  using E = TypeParam;
  constexpr E kMax = std::numeric_limits<E>::max();
  const E root = std::sqrt(kMax);
  EXPECT_EQ(this->low(kMax, E(1)), E(0));
  EXPECT_EQ(this->low(kMax, E(-0.5)), E(0));
  EXPECT_EQ(this->low(root, root), std::fma(root, root, -(root * root)));
  EXPECT_EQ(this->low(kMax, E(0)), E(0));
}

}  // namespace
}  // namespace ndl::codegen
