// Adds code to a loop nest, each value once. Internal to codegen's lowering.
#pragma once

#include <cstring>
#include <unordered_map>
#include <vector>

#include "codegen/loop_nest.h"

namespace ndl::codegen {

// base + factor * index
IndexExpr constant_index(std::int64_t base);
IndexExpr scaled(const IndexExpr& index, std::int64_t factor, std::int64_t base = 0);
// The position in row-major order of the element at `index`, one an axis.
IndexExpr linear(const ir::Shape& shape, const std::vector<IndexExpr>& index);

class NestBuilder {
 public:
  explicit NestBuilder(std::string name) { nest_.name = std::move(name); }

  LoopNest& nest() { return nest_; }

  std::int32_t buffer(DType dtype, std::int64_t elements, bool is_written = false);
  // After all others, see KernelBuffer.
  std::int32_t local_buffer(DType dtype, std::int64_t elements);
  // A new outer loop, or a new loop of the current phase; returns its index. A loop of extent 1 is
  // none, and its index is 0.
  IndexExpr outer_loop(std::int64_t extent);
  IndexExpr phase_loop(std::int64_t extent);
  // Begins a phase, in which only results of reductions are known of those before.
  void begin_phase();

  Local constant(DType dtype, double value);
  Local constant_bits(DType dtype, std::uint64_t bits);
  template <class T>
  Local constant_element(T element) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &element, sizeof(T));
    return constant_bits(dtype_of<T>, bits);
  }
  Local index(IndexExpr index);
  Local inside(std::vector<Guard> guards);
  Local read(std::int32_t buffer, IndexExpr index, std::vector<Guard> guards = {});
  Local op(ir::Op op, DType result, std::vector<Local> operands);
  Local convert(Local local, DType dtype);
  Local bitcast(Local local, DType dtype);
  Local random_bits(DType dtype, Local key, Local counter, IndexExpr position);
  // The result, of `dtype` for kFirst i64.
  Local reduce(ReductionOrder order, ir::ReduceKind kind, DType accumulator, Local left,
               Local right = -1);
  void write(Local local, std::int32_t buffer, IndexExpr index);
  void check(Local local, std::int64_t extent, IndexExpr position);

  // The nest, its outer loops merged where everything walks them as one.
  LoopNest finish();

  DType dtype(Local local) const {
    return nest_.instructions[static_cast<std::size_t>(local)].dtype;
  }

 private:
  Local add(Instruction instruction);

  LoopNest nest_;
  std::unordered_multimap<std::size_t, Local> known_;  // of this phase, by hash
};

}  // namespace ndl::codegen
