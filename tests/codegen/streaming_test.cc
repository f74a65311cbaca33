// Outputs larger than the caches are written past them, if they are aligned; the bits are the same.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "codegen/program.h"
#include "ir/parser.h"
#include "runtime/buffer.h"

namespace ndl::codegen {
namespace {

constexpr std::int64_t kElements = std::int64_t{9} << 20;  // 36 MiB of f32

TEST(StreamingTest, AlignedAndNot) {
  const auto program = compile(
      ir::parse("needle 1\n\ngraph g(%x: f32[9437184]) -> (f32[9437184], f64[9437184], "
                "bf16[9437184]) {\n"
                "  %one = constant(1) : f32[9437184]\n"
                "  %0 = add(%x, %one) : f32[9437184]\n"
                "  %1 = convert(%0) : f64[9437184]\n"
                "  %2 = convert(%0) : bf16[9437184]\n"
                "  %3 = make_tuple(%0, %1, %2) : (f32[9437184], f64[9437184], bf16[9437184])\n"
                "  return %3\n}\n"));
  std::vector<float> x(kElements);
  for (std::int64_t i = 0; i < kElements; ++i)
    x[static_cast<std::size_t>(i)] = static_cast<float>(i % 200);
  const runtime::BufferView input{x.data(), 4 * kElements};
  for (const std::int64_t apart : {0, 1, 5}) {
    std::vector<runtime::Buffer> memory;
    std::vector<runtime::BufferView> outputs;
    for (const std::int64_t size : {4, 8, 2}) {
      memory.push_back(runtime::Buffer::allocate((kElements + apart) * size));
      outputs.push_back(
          {static_cast<std::byte*>(memory.back().data()) + apart * size, kElements * size});
    }
    program->run_into({&input, 1}, outputs);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < kElements; ++i) {
      const float want = static_cast<float>(i % 200) + 1;
      std::uint32_t bits = 0;
      std::memcpy(&bits, &want, 4);
      const auto at = [&](std::size_t k, auto value) {
        std::memcpy(&value,
                    static_cast<std::byte*>(outputs[k].data) + i * std::int64_t{sizeof value},
                    sizeof value);
        return value;
      };
      wrong += at(0, float{}) != want;
      wrong += at(1, double{}) != want;
      wrong += at(2, std::uint16_t{}) != bits >> 16;  // few bits are set, so nothing is rounded
    }
    EXPECT_EQ(wrong, 0) << "elements from an aligned place: " << apart;
  }
}

TEST(StreamingTest, CodeStreams) {
  const ir::Graph large = ir::parse(
      "needle 1\n\ngraph g(%x: f32[9437184]) -> f32[9437184] {\n"
      "  %0 = neg(%x) : f32[9437184]\n  return %0\n}\n");
  const ir::Graph small = ir::parse(
      "needle 1\n\ngraph g(%x: f32[1024]) -> f32[1024] {\n  %0 = neg(%x) : f32[1024]\n"
      "  return %0\n}\n");
  for (const char* cpu : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    CompileOptions options;
    options.cpu = cpu;
    EXPECT_NE(compile_to(large, Stage::kAssembly, options).find("movnt"), std::string::npos) << cpu;
    EXPECT_EQ(compile_to(small, Stage::kAssembly, options).find("movnt"), std::string::npos) << cpu;
  }
}

}  // namespace
}  // namespace ndl::codegen
