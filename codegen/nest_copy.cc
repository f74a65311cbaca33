#include "codegen/nest_copy.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace ndl::codegen {

NestCopy::NestCopy(const LoopNest& whole, std::string_view suffix)
    : whole_(whole), b_(whole.name + std::string(suffix)), locals_(whole.instructions.size(), -1) {}

void NestCopy::set_guard(std::size_t loop, Guard guard) {
  cut_loop_ = loop;
  guards_ = {std::move(guard)};
}

std::int32_t NestCopy::buffer(std::int32_t number, const KernelBuffer& like) {
  const auto [it, is_new] = numbers_.try_emplace(number, 0);
  if (is_new) {
    it->second = b_.buffer(like.dtype, like.elements);
    buffers_.push_back(number);
  }
  return it->second;
}

IndexExpr NestCopy::index(const IndexExpr& whole) const {
  IndexExpr result = constant_index(whole.base);
  for (std::size_t loop = 0; loop < whole.coefficients.size(); ++loop) {
    if (whole.coefficients[loop] != 0) result.add(loops_[loop], whole.coefficients[loop]);
  }
  for (IndexExpr::Term term : whole.terms) {
    term.local = local(term.local);
    result.terms.push_back(term);
  }
  return result;
}

std::vector<Guard> NestCopy::guards(const std::vector<Guard>& whole) const {
  std::vector<Guard> result;
  for (const Guard& guard : whole) result.push_back({index(guard.index), guard.low, guard.high});
  return result;
}

Local NestCopy::copy(const Instruction& x) {
  std::vector<Local> operands;
  for (const Local operand : x.operands) operands.push_back(local(operand));
  switch (x.kind) {
    case InstructionKind::kConstant:
      return b_.constant_bits(x.dtype, x.bits);
    case InstructionKind::kIndex:
      return b_.index(index(x.index));
    case InstructionKind::kInside:
      return b_.inside(guards(x.guards));
    case InstructionKind::kRead: {
      std::vector<Guard> all = guards(x.guards);
      const bool may_leave = x.index.coefficient(cut_loop_) != 0 || !x.index.terms.empty();
      if (may_leave) all.insert(all.end(), guards_.begin(), guards_.end());
      return b_.read(whole_buffer(x.buffer), index(x.index), std::move(all));
    }
    case InstructionKind::kOp:
      return b_.op(x.op, x.dtype, std::move(operands));
    case InstructionKind::kConvert:
      return b_.convert(operands[0], x.dtype);
    case InstructionKind::kBitcast:
      return b_.bitcast(operands[0], x.dtype);
    case InstructionKind::kRandom:
      return b_.random_bits(x.dtype, operands[0], operands[1], index(x.index));
    case InstructionKind::kReduced:
      break;
  }
  NDL_CHECK(false, "an instruction of kind {}", static_cast<int>(x.kind));
  return -1;
}

void NestCopy::copy_code(const Phase& phase) {
  for (const Local local : phase.code) {
    set_local(local, copy(whole_.instructions[static_cast<std::size_t>(local)]));
  }
}

void NestCopy::copy_writes(const Phase& phase) {
  for (const Write& write : phase.writes) {
    b_.write(local(write.local), whole_buffer(write.buffer), index(write.index));
  }
}

void NestCopy::copy_rest() {
  for (const Phase& phase : std::span(whole_.phases).subspan(1)) {
    b_.begin_phase();
    copy_code(phase);
    copy_writes(phase);
  }
}

void NestCopy::copy_value(const Phase& phase, Local root) {
  std::vector<bool> is_needed(whole_.instructions.size());
  const auto need = [&](Local local) { is_needed[static_cast<std::size_t>(local)] = true; };
  const auto need_terms = [&](const IndexExpr& index) {
    for (const IndexExpr::Term& term : index.terms) need(term.local);
  };
  need(root);
  for (auto it = phase.code.rbegin(); it != phase.code.rend(); ++it) {
    if (!is_needed[static_cast<std::size_t>(*it)]) continue;
    for (const Local operand : at(*it).operands) need(operand);
    need_terms(at(*it).index);
    for (const Guard& guard : at(*it).guards) need_terms(guard.index);
  }
  for (const Local local : phase.code) {
    if (is_needed[static_cast<std::size_t>(local)]) set_local(local, copy(at(local)));
  }
}

}  // namespace ndl::codegen
