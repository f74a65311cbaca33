// One sweep over the steps with the alive values ordered by offset: these are disjoint, so a new
// one that meets any of them meets a neighbour.
#include <algorithm>
#include <iterator>
#include <map>
#include <string>

#include "base/error.h"
#include "codegen/memory_plan.h"
#include "runtime/allocator.h"

namespace ndl::codegen {
namespace {

class Verifier {
 public:
  Verifier(std::span<const PlannedValue> values, const MemoryPlan& plan)
      : values_(values), plan_(plan), taken_by_(values.size(), -1) {}

  void verify();

 private:
  const PlannedValue& value(std::int32_t i) const { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t offset(std::int32_t i) const { return plan_.offsets[static_cast<std::size_t>(i)]; }

  std::string describe(std::int32_t i) const {
    return fmt::format("value {}, {} bytes at {} from step {} to {}", i, value(i).bytes, offset(i),
                       value(i).first_step, value(i).last_step);
  }

  void check_place(std::int32_t i) const;
  void check_reuse(std::int32_t i);
  void check_apart(std::int32_t lower, std::int32_t upper) const;
  void check_lives() const;

  const std::span<const PlannedValue> values_;
  const MemoryPlan& plan_;
  std::vector<std::int32_t> taken_by_;  // the value that took over this one's bytes, or -1
};

void Verifier::verify() {
  const std::size_t count = values_.size();
  NDL_CHECK(plan_.offsets.size() == count && plan_.reuses.size() == count,
            "{} values, {} offsets, {} reuses", count, plan_.offsets.size(), plan_.reuses.size());
  for (std::int32_t i = 0; static_cast<std::size_t>(i) < count; ++i) {
    check_place(i);
    check_reuse(i);
  }
  check_lives();
}

void Verifier::check_place(std::int32_t i) const {
  NDL_CHECK(value(i).bytes >= 0 && value(i).first_step <= value(i).last_step, "{}", describe(i));
  NDL_CHECK(offset(i) % runtime::kAlignment == 0, "misaligned: {}", describe(i));
  NDL_CHECK(offset(i) >= 0 && offset(i) <= plan_.arena_bytes &&
                value(i).bytes <= plan_.arena_bytes - offset(i),
            "outside an arena of {} bytes: {}", plan_.arena_bytes, describe(i));
}

void Verifier::check_reuse(std::int32_t i) {
  const std::int32_t operand = plan_.reuses[static_cast<std::size_t>(i)];
  if (operand == -1) return;
  NDL_CHECK(operand >= 0 && static_cast<std::size_t>(operand) < values_.size(),
            "value {} in place of {}", i, operand);
  const auto& permitted = value(i).in_place_of;
  // Of the operand's place all bytes up to the next multiple of the alignment are its own.
  const std::int64_t padding = -value(operand).bytes & (runtime::kAlignment - 1);
  NDL_CHECK(std::find(permitted.begin(), permitted.end(), operand) != permitted.end() &&
                value(operand).last_step == value(i).first_step &&
                value(operand).first_step < value(i).first_step && offset(operand) == offset(i) &&
                value(i).bytes - padding <= value(operand).bytes,
            "{} in place of {}", describe(i), describe(operand));
  std::int32_t& taker = taken_by_[static_cast<std::size_t>(operand)];
  NDL_CHECK(taker == -1, "{} and {} both in place of {}", describe(taker), describe(i),
            describe(operand));
  taker = i;
}

void Verifier::check_apart(std::int32_t lower, std::int32_t upper) const {
  NDL_CHECK(value(lower).bytes <= offset(upper) - offset(lower), "{} meets {}", describe(lower),
            describe(upper));
}

void Verifier::check_lives() const {
  std::vector<std::int32_t> begins;
  for (std::int32_t i = 0; static_cast<std::size_t>(i) < values_.size(); ++i) {
    if (value(i).bytes != 0) begins.push_back(i);
  }
  std::sort(begins.begin(), begins.end(), [&](std::int32_t a, std::int32_t b) {
    return value(a).first_step < value(b).first_step;
  });
  // At equal ends, an operand before what was written in its place.
  std::vector<std::int32_t> ends = begins;
  std::stable_sort(ends.begin(), ends.end(), [&](std::int32_t a, std::int32_t b) {
    return value(a).last_step < value(b).last_step;
  });

  std::map<std::int64_t, std::int32_t> alive;  // by offset
  auto end = ends.begin();
  for (const std::int32_t i : begins) {
    for (; value(*end).last_step < value(i).first_step; ++end) {
      alive.erase(offset(*end));
      const std::int32_t taker = taken_by_[static_cast<std::size_t>(*end)];
      if (taker != -1 && value(taker).bytes != 0) alive.emplace(offset(taker), taker);
    }
    // Until the step is over its operand stands for it, and covers it.
    if (plan_.reuses[static_cast<std::size_t>(i)] != -1) continue;
    const auto next = alive.lower_bound(offset(i));
    if (next != alive.end()) check_apart(i, next->second);
    if (next != alive.begin()) check_apart(std::prev(next)->second, i);
    alive.emplace(offset(i), i);
  }
}

}  // namespace

void verify_memory_plan(std::span<const PlannedValue> values, const MemoryPlan& plan) {
  Verifier(values, plan).verify();
}

}  // namespace ndl::codegen
