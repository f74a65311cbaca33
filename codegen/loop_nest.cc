#include "codegen/loop_nest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "ir/reduction.h"

namespace ndl::codegen {

void IndexExpr::add(const IndexExpr& other, std::int64_t factor) {
  base += factor * other.base;
  if (factor == 0) return;
  if (coefficients.size() < other.coefficients.size()) {
    coefficients.resize(other.coefficients.size());
  }
  for (std::size_t i = 0; i < other.coefficients.size(); ++i) {
    coefficients[i] += factor * other.coefficients[i];
  }
  while (!coefficients.empty() && coefficients.back() == 0) coefficients.pop_back();
  for (const Term& term : other.terms) {
    const auto same = std::ranges::find(terms, term.local, &Term::local);
    if (same != terms.end()) {
      same->coefficient += factor * term.coefficient;
    } else {
      terms.push_back({term.local, factor * term.coefficient, term.extent});
    }
  }
}

namespace {

// f(index) for every index of the phase.
template <class Nest, class F>
void for_each_index(Nest& nest, std::size_t phase, F&& f) {
  auto& s = nest.phases[phase];
  for (const Local local : s.code) {
    auto& x = nest.instructions[static_cast<std::size_t>(local)];
    f(x.index);
    for (auto& guard : x.guards) f(guard.index);
  }
  for (auto& write : s.writes) f(write.index);
  for (auto& check : s.checks) f(check.position);
}

// Whether `index` walks loops k and k + 1 as one, where loop k + 1 has that extent.
bool is_mergeable(const IndexExpr& index, std::size_t k, std::int64_t extent) {
  return index.coefficient(k) == index.coefficient(k + 1) * extent;
}

void merge(IndexExpr& index, std::size_t k) {
  if (k < index.coefficients.size()) {
    index.coefficients.erase(index.coefficients.begin() + static_cast<std::ptrdiff_t>(k));
  }
}

}  // namespace

std::optional<std::size_t> only_loop(const IndexExpr& index) {
  std::optional<std::size_t> only;
  for (std::size_t i = 0; i < index.coefficients.size(); ++i) {
    if (index.coefficients[i] == 0) continue;
    if (only) return std::nullopt;
    only = i;
  }
  return index.terms.empty() ? only : std::nullopt;
}

bool has_terms(const LoopNest& nest) {
  const auto has = [](const IndexExpr& index) { return !index.terms.empty(); };
  return std::ranges::any_of(nest.instructions, [&](const Instruction& x) {
    return has(x.index) ||
           std::ranges::any_of(x.guards, [&](const Guard& guard) { return has(guard.index); });
  });
}

std::int64_t floor_of_quotient(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

void swap_outer_loops(LoopNest& nest, std::size_t first) {
  for (std::size_t s = 0; s < nest.phases.size(); ++s) {
    for_each_index(nest, s, [&](IndexExpr& index) {
      if (index.coefficients.size() <= first) return;
      index.coefficients.resize(std::max(index.coefficients.size(), first + 2));
      std::swap(index.coefficients[first], index.coefficients[first + 1]);
      while (!index.coefficients.empty() && index.coefficients.back() == 0) {
        index.coefficients.pop_back();
      }
    });
  }
  std::swap(nest.outer[first], nest.outer[first + 1]);
}

bool merge_outer_loops(LoopNest& nest, std::size_t first) {
  bool mergeable = true;
  for (std::size_t s = 0; s < nest.phases.size(); ++s) {
    for_each_index(nest, s, [&](const IndexExpr& index) {
      mergeable = mergeable && is_mergeable(index, first, nest.outer[first + 1]);
    });
  }
  if (!mergeable) return false;
  for (std::size_t s = 0; s < nest.phases.size(); ++s) {
    for_each_index(nest, s, [&](IndexExpr& index) { merge(index, first); });
  }
  nest.outer[first] *= nest.outer[first + 1];
  nest.outer.erase(nest.outer.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  return true;
}

bool merge_phase_loops(LoopNest& nest, std::size_t phase, std::size_t first) {
  ir::Dims& loops = nest.phases[phase].loops;
  const std::size_t loop = nest.first_phase_loop() + first;
  bool mergeable = true;
  for_each_index(nest, phase, [&](const IndexExpr& index) {
    mergeable = mergeable && is_mergeable(index, loop, loops[first + 1]);
  });
  if (!mergeable) return false;
  for_each_index(nest, phase, [&](IndexExpr& index) { merge(index, loop); });
  loops[first] *= loops[first + 1];
  loops.erase(loops.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  return true;
}

// --- Text -------------------------------------------------------------------------------------

namespace {

std::string_view name_of(ir::ReduceKind kind) {
  constexpr std::string_view kNames[] = {"sum", "prod", "max", "min", "and", "or"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view name_of(ReductionOrder order) {
  constexpr std::string_view kNames[] = {"tree",     "halves",      "lanes", "pairs",
                                         "sequence", "contraction", "first"};
  return kNames[static_cast<std::size_t>(order)];
}

class NestPrinter {
 public:
  explicit NestPrinter(const LoopNest& nest) : nest_(nest) {}

  std::string print(std::string_view name) {
    std::vector<std::string> parameters;
    std::vector<std::string> locals;
    for (std::size_t i = 0; i < nest_.buffers.size(); ++i) {
      const KernelBuffer& buffer = nest_.buffers[i];
      if (buffer.is_local) {
        locals.push_back(
            fmt::format("b{}: {}[{}]", i, ndl::name_of(buffer.dtype), buffer.elements));
        continue;
      }
      parameters.push_back(fmt::format("{}b{}: {}[{}]", buffer.is_written ? "out " : "", i,
                                       ndl::name_of(buffer.dtype), buffer.elements));
    }
    line("kernel {}({}) {{", name, fmt::join(parameters, ", "));
    ++depth_;
    for (const std::string& local : locals) line("local {}", local);
    for (std::size_t i = 0; i < nest_.outer.size(); ++i) {
      const bool lanes = nest_.outer_lanes && i + 1 == nest_.outer.size();
      line("for i{} < {}{} {{", i, nest_.outer[i], lanes ? " lanes" : "");
      ++depth_;
    }
    for (const Phase& phase : nest_.phases) print(phase);
    close(nest_.outer.size() + 1);
    return std::move(text_);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_.append(2 * depth_, ' ');
    text_ += fmt::format(format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  void close(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      --depth_;
      line("}}");
    }
  }

  std::string text_of(const IndexExpr& index) const {
    std::string text;
    const auto append = [&](std::int64_t coefficient, const std::string& factor) {
      if (coefficient == 0) return;
      const std::int64_t magnitude = coefficient < 0 ? -coefficient : coefficient;
      text += text.empty() ? (coefficient < 0 ? "-" : "") : (coefficient < 0 ? " - " : " + ");
      if (factor.empty()) {
        text += fmt::to_string(magnitude);
      } else {
        text += magnitude == 1 ? factor : fmt::format("{}*{}", magnitude, factor);
      }
    };
    for (std::size_t i = 0; i < index.coefficients.size(); ++i) {
      append(index.coefficients[i], fmt::format("i{}", i));
    }
    for (const IndexExpr::Term& term : index.terms) {
      append(term.coefficient, fmt::format("%{}", term.local));
    }
    append(index.base, "");
    return text.empty() ? "0" : text;
  }

  std::string text_of(const std::vector<Guard>& guards) const {
    std::vector<std::string> parts;
    for (const Guard& guard : guards) {
      parts.push_back(fmt::format("{} <= {} < {}", guard.low, text_of(guard.index), guard.high));
    }
    return fmt::format("{}", fmt::join(parts, " and "));
  }

  std::string operands(const Instruction& x) const {
    std::vector<std::string> parts;
    for (const Local operand : x.operands) parts.push_back(fmt::format("%{}", operand));
    return fmt::format("{}", fmt::join(parts, ", "));
  }

  std::string text_of(const Instruction& x) const {
    switch (x.kind) {
      case InstructionKind::kConstant: {
        ir::Literal literal = ir::Literal::uninitialized({x.dtype, {}});
        std::memcpy(literal.bytes(), &x.bits, size_of(x.dtype));
        return fmt::format("constant({})", literal.to_string());
      }
      case InstructionKind::kIndex:
        return fmt::format("index({})", text_of(x.index));
      case InstructionKind::kInside:
        return fmt::format("inside({})", text_of(x.guards));
      case InstructionKind::kRead: {
        const std::string read = fmt::format("read b{}[{}]", x.buffer, text_of(x.index));
        return x.guards.empty() ? read : fmt::format("{} if {}", read, text_of(x.guards));
      }
      case InstructionKind::kOp:
        return fmt::format("{}({})", ir::name_of(x.op), operands(x));
      case InstructionKind::kConvert:
        return fmt::format("convert({})", operands(x));
      case InstructionKind::kBitcast:
        return fmt::format("bitcast({})", operands(x));
      case InstructionKind::kRandom:
        return fmt::format("rng_bits({}, {})", operands(x), text_of(x.index));
      case InstructionKind::kReduced:
        break;
    }
    return "";
  }

  void print(const Phase& phase) {
    const std::size_t first = nest_.first_phase_loop();
    for (std::size_t i = 0; i < phase.loops.size(); ++i) {
      const bool lanes = !nest_.outer_lanes && i + 1 == phase.loops.size();
      line("for i{} < {}{} {{", first + i, phase.loops[i], lanes ? " lanes" : "");
      ++depth_;
    }
    for (const Local local : phase.code) {
      const Instruction& x = nest_.instructions[static_cast<std::size_t>(local)];
      line("%{} = {} : {}", local, text_of(x), ndl::name_of(x.dtype));
    }
    for (const Reduction& r : phase.reductions) {
      const std::string right = r.right < 0 ? "" : fmt::format(", %{}", r.right);
      line("%{} = reduce(%{}{}, kind={}, order={}) : {}", r.result, r.left, right, name_of(r.kind),
           name_of(r.order),
           ndl::name_of(nest_.instructions[static_cast<std::size_t>(r.result)].dtype));
    }
    for (const Write& write : phase.writes) {
      line("b{}[{}] = %{}", write.buffer, text_of(write.index), write.local);
    }
    for (const Check& check : phase.checks) {
      line("check 0 <= %{} < {} at {}", check.local, check.extent, text_of(check.position));
    }
    close(phase.loops.size());
  }

  const LoopNest& nest_;
  std::string text_;
  std::size_t depth_ = 0;
};

// --- Verification -----------------------------------------------------------------------------

struct Interval {
  std::int64_t low;
  std::int64_t high;
};

class NestVerifier {
 public:
  explicit NestVerifier(const LoopNest& nest)
      : nest_(nest), defined_(nest.instructions.size(), -1) {}

  void verify() {
    for (const std::int64_t extent : nest_.outer) check(extent > 0, "an empty outer loop");
    check(std::ranges::is_sorted(nest_.buffers, {}, &KernelBuffer::is_local),
          "arguments after locals");
    for (std::size_t s = 0; s < nest_.phases.size(); ++s) {
      extents_ = nest_.outer;
      const Phase& phase = nest_.phases[s];
      extents_.insert(extents_.end(), phase.loops.begin(), phase.loops.end());
      for (const std::int64_t extent : extents_) check(extent > 0, "an empty loop");
      for (const Local local : phase.code) {
        verify(at(local));
        defined_[static_cast<std::size_t>(local)] = static_cast<int>(s);
      }
      verify_reductions(phase);
      for (const Write& write : phase.writes) {
        use(write.local);
        check(buffer(write.buffer).is_written, "a write to a buffer that is only read");
        const DType stored = buffer(write.buffer).dtype;
        check(at(write.local).dtype == stored ||
                  (is_half(stored) && at(write.local).dtype == DType::kF32),
              "a write of another dtype");
        verify_access(write.index, {}, buffer(write.buffer).elements);
      }
      for (const Check& c : phase.checks) {
        use(c.local);
        check(at(c.local).dtype == DType::kI64, "a check of another dtype");
      }
      for (const Reduction& r : phase.reductions) visible(r.result) = kEverywhere;
      // What loops computed ends with them.
      if (!phase.loops.empty()) {
        for (const Local local : phase.code) visible(local) = -1;
      }
    }
  }

 private:
  static constexpr int kEverywhere = 1 << 20;

  void check(bool condition, std::string_view what) const {
    NDL_CHECK(condition, "{} in\n{}", what, nest_.to_string());
  }
  const Instruction& at(Local local) const {
    return nest_.instructions[static_cast<std::size_t>(local)];
  }
  int& visible(Local local) { return defined_[static_cast<std::size_t>(local)]; }
  const KernelBuffer& buffer(std::int32_t index) const {
    check(index >= 0 && static_cast<std::size_t>(index) < nest_.buffers.size(), "no such buffer");
    return nest_.buffers[static_cast<std::size_t>(index)];
  }
  void use(Local local) const {
    check(local >= 0 && static_cast<std::size_t>(local) < defined_.size() &&
              defined_[static_cast<std::size_t>(local)] >= 0,
          fmt::format("%{} is not defined here", local));
  }

  // The indices of each loop.
  std::vector<Interval> loops() const {
    std::vector<Interval> result;
    for (const std::int64_t extent : extents_) result.push_back({0, extent - 1});
    return result;
  }

  Interval range(const IndexExpr& index) const { return range(index, loops()); }

  // The values an index takes, where loops take these.
  Interval range(const IndexExpr& index, const std::vector<Interval>& loops) const {
    check(index.coefficients.size() <= loops.size(), "an index by loops that are not there");
    Interval r{index.base, index.base};
    for (std::size_t i = 0; i < index.coefficients.size(); ++i) {
      const std::int64_t coefficient = index.coefficients[i];
      r.low += coefficient * (coefficient < 0 ? loops[i].high : loops[i].low);
      r.high += coefficient * (coefficient < 0 ? loops[i].low : loops[i].high);
    }
    for (const IndexExpr::Term& term : index.terms) {
      use(term.local);
      check(at(term.local).dtype == DType::kI64, "an index of another dtype");
      const std::int64_t reach = term.coefficient * std::max<std::int64_t>(term.extent - 1, 0);
      (reach < 0 ? r.low : r.high) += reach;
    }
    return r;
  }

  // Where a guard about one loop holds: low <= base + coefficient * index < high.
  static void narrow(Interval& loop, const Guard& guard, std::int64_t coefficient) {
    std::int64_t least = guard.low - guard.index.base;
    std::int64_t most = guard.high - 1 - guard.index.base;
    if (coefficient < 0) std::tie(least, most) = std::pair(-most, -least);
    const std::int64_t step = std::abs(coefficient);
    loop.low = std::max(loop.low, -floor_of_quotient(-least, step));
    loop.high = std::min(loop.high, floor_of_quotient(most, step));
  }

  // An access may leave its buffer only where a guard keeps it from being made. Guards about one
  // loop narrow that; of others, the guarded part of the index is replaced by the bounds of the
  // guard, and of all others on that part.
  void verify_access(IndexExpr index, const std::vector<Guard>& guards, std::int64_t elements) {
    std::vector<Interval> narrowed = loops();
    for (const Guard& guard : guards) {
      const std::optional<std::size_t> loop = only_loop(guard.index);
      if (!loop) continue;
      check(*loop < narrowed.size(), "an index by loops that are not there");
      narrow(narrowed[*loop], guard, guard.index.coefficients[*loop]);
      if (narrowed[*loop].low > narrowed[*loop].high) return;  // never made
    }
    std::int64_t low = 0;
    std::int64_t high = 0;
    for (std::size_t i = 0; i < guards.size(); ++i) {
      const Guard& guard = guards[i];
      if (only_loop(guard.index)) continue;
      Interval inside = range(guard.index, narrowed);
      const auto is_alike = [&](const Guard& other) { return differ_by_base(guard, other); };
      if (std::any_of(guards.begin(), guards.begin() + static_cast<std::ptrdiff_t>(i), is_alike)) {
        continue;  // that one has taken this one in
      }
      for (const Guard& other : guards) {
        if (!is_alike(other)) continue;
        const std::int64_t apart = guard.index.base - other.index.base;
        inside.low = std::max(inside.low, other.low + apart);
        inside.high = std::min(inside.high, other.high - 1 + apart);
      }
      if (inside.low > inside.high) return;  // never made
      const std::int64_t factor = factor_of(index, guard.index);
      if (factor == 0) continue;
      index.add(guard.index, -factor);
      low += factor * (factor > 0 ? inside.low : inside.high);
      high += factor * (factor > 0 ? inside.high : inside.low);
    }
    const Interval rest = range(index, narrowed);
    check(rest.low + low >= 0 && rest.high + high < elements,
          fmt::format("an access reaches from {} to {} of {} elements", rest.low + low,
                      rest.high + high, elements));
  }

  static bool differ_by_base(const Guard& a, const Guard& b) {
    const std::size_t loops = std::max(a.index.coefficients.size(), b.index.coefficients.size());
    for (std::size_t loop = 0; loop < loops; ++loop) {
      if (a.index.coefficient(loop) != b.index.coefficient(loop)) return false;
    }
    return a.index.terms == b.index.terms;
  }

  // How often `part` goes into `index`: by the first loop or term that it has.
  static std::int64_t factor_of(const IndexExpr& index, const IndexExpr& part) {
    for (std::size_t i = 0; i < part.coefficients.size(); ++i) {
      if (part.coefficients[i] != 0) return index.coefficient(i) / part.coefficients[i];
    }
    for (const IndexExpr::Term& term : part.terms) {
      const auto same = std::ranges::find(index.terms, term.local, &IndexExpr::Term::local);
      if (same != index.terms.end()) return same->coefficient / term.coefficient;
    }
    return 0;
  }

  void verify(const Instruction& x) {
    for (const Local operand : x.operands) use(operand);
    switch (x.kind) {
      case InstructionKind::kRead:
        check(buffer(x.buffer).dtype == x.dtype, "a read of another dtype");
        verify_access(x.index, x.guards, buffer(x.buffer).elements);
        break;
      case InstructionKind::kOp:
        check(ir::op_def(x.op).is_elementwise() &&
                  x.operands.size() == ir::op_def(x.op).operands.size(),
              "a wrong op");
        break;
      case InstructionKind::kReduced:
        check(false, "a result of a reduction in the code");
        break;
      default:
        static_cast<void>(range(x.index));
        for (const Guard& guard : x.guards) static_cast<void>(range(guard.index));
    }
  }

  void verify_reductions(const Phase& phase) {
    for (const Reduction& r : phase.reductions) {
      use(r.left);
      check(at(r.left).dtype == r.accumulator, "an operand of another dtype");
      check((r.right >= 0) == (r.order == ReductionOrder::kContraction), "a second operand");
      if (r.right >= 0) {
        use(r.right);
        check(at(r.right).dtype == r.accumulator, "an operand of another dtype");
      }
      check(at(r.result).kind == InstructionKind::kReduced, "a result");
      check(nest_.outer_lanes || r.order == ReductionOrder::kTree, "an order that has no lanes");
      check(r.order != ReductionOrder::kHalves || ir::product(phase.loops) <= ir::kLanes,
            "a tree of several elements a lane");
      visible(r.result) = kEverywhere;  // running results are seen by the writes
    }
  }

  const LoopNest& nest_;
  std::vector<int> defined_;
  ir::Dims extents_;
};

}  // namespace

std::string LoopNest::to_string() const { return NestPrinter(*this).print(name); }
std::string LoopNest::key() const { return NestPrinter(*this).print(""); }

void verify(const LoopNest& nest) { NestVerifier(nest).verify(); }

}  // namespace ndl::codegen
