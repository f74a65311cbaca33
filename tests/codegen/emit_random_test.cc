// Random bits in lanes are those of the interpreter, wherever a vector of elements begins.
#include "codegen/emit_random.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ir/interpreter.h"
#include "tests/codegen/lane_functions.h"
#include "tests/same_results.h"

namespace ndl::codegen {
namespace {

constexpr unsigned kWidths[] = {1, 2, 4, 8, 16};
constexpr std::int64_t kElements = 4096;

class EmitRandom : public testing::TestWithParam<std::string> {};

TEST_P(EmitRandom, GivesTheInterpretersBits) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  const auto name = [](DType dtype, unsigned width) {
    return fmt::format("{}.{}", name_of(dtype), width);
  };
  LaneFunctions functions(target_named(GetParam()));
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    for (const unsigned width : kWidths) {
      functions.add(name(dtype, width), {{DType::kI64, DType::kI64, DType::kI64}}, dtype, width,
                    [&](std::span<llvm::Value* const> v) {
                      return emit_random_bits(dtype, v[0], v[1], v[2]);
                    });
    }
  }
  const auto code = functions.compile();

  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < kElements; ++i) positions.push_back(i);
  const auto everywhere = [](std::int64_t value) {
    return ir::Literal::dense<std::int64_t>({kElements},
                                            std::vector<std::int64_t>(kElements, value));
  };
  for (const std::int64_t key :
       {std::int64_t(0), std::int64_t(-1), std::int64_t(0x123456789abcdef)}) {
    // Counters whose low word carries, and one that wraps around.
    for (const std::int64_t counter :
         {std::int64_t(0), std::int64_t(0xffffff00), std::int64_t(-3), kMax}) {
      const auto state = ir::Literal::dense<std::int64_t>({2}, {key, counter});
      const ir::Literal operands[] = {everywhere(key), everywhere(counter),
                                      ir::Literal::dense<std::int64_t>({kElements}, positions)};
      for (const DType dtype : {DType::kI32, DType::kI64}) {
        const ir::TensorType type{dtype, {kElements}};
        const ir::Literal want = ir::evaluate_node(ir::Op::kRngBits, {}, type, {{state}}).front();
        for (const unsigned width : kWidths) {
          const ir::Literal got = run_lanes(*code, name(dtype, width), operands, dtype);
          for (std::int64_t k = 0; k < kElements; ++k) {
            ASSERT_TRUE(test::same_element(got, want, k))
                << name(dtype, width) << " at " << k << " under " << key << ", " << counter;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, EmitRandom, testing::Values("native", "x86-64-v3", "x86-64"));

}  // namespace
}  // namespace ndl::codegen
