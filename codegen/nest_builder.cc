#include "codegen/nest_builder.h"

#include "base/hash.h"
#include "codegen/short_rows.h"
#include "ir/math/convert.h"

namespace ndl::codegen {
namespace {

void hash_index(std::size_t& seed, const IndexExpr& index) {
  hash_combine(seed, static_cast<std::size_t>(index.base));
  for (const std::int64_t c : index.coefficients) hash_combine(seed, static_cast<std::size_t>(c));
  for (const IndexExpr::Term& term : index.terms) {
    hash_combine(seed, static_cast<std::size_t>(term.local));
  }
}

std::size_t hash_of(const Instruction& x) {
  std::size_t seed = static_cast<std::size_t>(x.kind);
  hash_combine(seed, static_cast<std::size_t>(x.op));
  hash_combine(seed, static_cast<std::size_t>(x.dtype));
  hash_combine(seed, x.bits);
  hash_combine(seed, static_cast<std::size_t>(x.buffer));
  for (const Local operand : x.operands) hash_combine(seed, static_cast<std::size_t>(operand));
  hash_index(seed, x.index);
  for (const Guard& guard : x.guards) hash_index(seed, guard.index);
  return seed;
}

}  // namespace

IndexExpr constant_index(std::int64_t base) {
  IndexExpr index;
  index.base = base;
  return index;
}

IndexExpr scaled(const IndexExpr& index, std::int64_t factor, std::int64_t base) {
  IndexExpr result = constant_index(base);
  result.add(index, factor);
  return result;
}

IndexExpr linear(const ir::Shape& shape, const std::vector<IndexExpr>& index) {
  const ir::Dims strides = ir::row_major_strides(shape);
  IndexExpr sum;
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (shape[i] != 1) sum.add(index[i], strides[i]);
  }
  return sum;
}

LoopNest NestBuilder::finish() {
  for (std::size_t i = nest_.outer.size(); i-- > 1;) merge_outer_loops(nest_, i - 1);
  weave_short_rows(nest_);
  turn_short_rows(nest_);
  return std::move(nest_);
}

std::int32_t NestBuilder::buffer(DType dtype, std::int64_t elements, bool is_written) {
  nest_.buffers.push_back({dtype, elements, is_written});
  return static_cast<std::int32_t>(nest_.buffers.size()) - 1;
}

std::int32_t NestBuilder::local_buffer(DType dtype, std::int64_t elements) {
  nest_.buffers.push_back({dtype, elements, false, true});
  return static_cast<std::int32_t>(nest_.buffers.size()) - 1;
}

IndexExpr NestBuilder::outer_loop(std::int64_t extent) {
  NDL_CHECK(nest_.phases.empty());
  if (extent == 1) return {};
  nest_.outer.push_back(extent);
  IndexExpr index;
  index.coefficients.resize(nest_.outer.size());
  index.coefficients.back() = 1;
  return index;
}

IndexExpr NestBuilder::phase_loop(std::int64_t extent) {
  if (extent == 1) return {};
  ir::Dims& loops = nest_.phases.back().loops;
  loops.push_back(extent);
  IndexExpr index;
  index.coefficients.resize(nest_.first_phase_loop() + loops.size());
  index.coefficients.back() = 1;
  return index;
}

void NestBuilder::begin_phase() {
  nest_.phases.emplace_back();
  known_.clear();
}

Local NestBuilder::add(Instruction instruction) {
  const std::size_t hash = hash_of(instruction);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (nest_.instructions[static_cast<std::size_t>(it->second)] == instruction) return it->second;
  }
  const auto local = static_cast<Local>(nest_.instructions.size());
  nest_.instructions.push_back(std::move(instruction));
  nest_.phases.back().code.push_back(local);
  known_.emplace(hash, local);
  return local;
}

Local NestBuilder::constant(DType dtype, double value) {
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    return constant_element(ir::math::convert_element<T>(value));
  });
}

Local NestBuilder::constant_bits(DType dtype, std::uint64_t bits) {
  return add({.kind = InstructionKind::kConstant, .dtype = dtype, .bits = bits});
}

Local NestBuilder::index(IndexExpr index) {
  return add({.kind = InstructionKind::kIndex, .dtype = DType::kI64, .index = std::move(index)});
}

Local NestBuilder::inside(std::vector<Guard> guards) {
  return add(
      {.kind = InstructionKind::kInside, .dtype = DType::kBool, .guards = std::move(guards)});
}

Local NestBuilder::read(std::int32_t buffer, IndexExpr index, std::vector<Guard> guards) {
  const DType dtype = nest_.buffers[static_cast<std::size_t>(buffer)].dtype;
  return add({.kind = InstructionKind::kRead,
              .dtype = dtype,
              .buffer = buffer,
              .index = std::move(index),
              .guards = std::move(guards)});
}

Local NestBuilder::op(ir::Op op, DType result, std::vector<Local> operands) {
  return add(
      {.kind = InstructionKind::kOp, .op = op, .dtype = result, .operands = std::move(operands)});
}

Local NestBuilder::convert(Local local, DType dtype) {
  if (this->dtype(local) == dtype) return local;
  return add({.kind = InstructionKind::kConvert, .dtype = dtype, .operands = {local}});
}

Local NestBuilder::bitcast(Local local, DType dtype) {
  if (this->dtype(local) == dtype) return local;
  return add({.kind = InstructionKind::kBitcast, .dtype = dtype, .operands = {local}});
}

Local NestBuilder::random_bits(DType dtype, Local key, Local counter, IndexExpr position) {
  return add({.kind = InstructionKind::kRandom,
              .dtype = dtype,
              .operands = {key, counter},
              .index = std::move(position)});
}

Local NestBuilder::reduce(ReductionOrder order, ir::ReduceKind kind, DType accumulator, Local left,
                          Local right) {
  const auto result = static_cast<Local>(nest_.instructions.size());
  const DType dtype = order == ReductionOrder::kFirst ? DType::kI64 : accumulator;
  nest_.instructions.push_back({.kind = InstructionKind::kReduced, .dtype = dtype});
  nest_.phases.back().reductions.push_back({order, kind, accumulator, left, right, result});
  return result;
}

void NestBuilder::write(Local local, std::int32_t buffer, IndexExpr index) {
  nest_.buffers[static_cast<std::size_t>(buffer)].is_written = true;
  nest_.phases.back().writes.push_back({local, buffer, std::move(index)});
}

void NestBuilder::check(Local local, std::int64_t extent, IndexExpr position) {
  nest_.phases.back().checks.push_back({local, extent, std::move(position)});
}

}  // namespace ndl::codegen
