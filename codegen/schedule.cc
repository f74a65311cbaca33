#include "codegen/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ndl::codegen {

std::string IndexCheck::message(std::int64_t position, std::int64_t index) const {
  const Bound& bound = bounds[is_window ? static_cast<std::size_t>(position) : 0];
  if (!is_window) {
    return fmt::format("{}: index {} at position {} is out of range for axis {} of extent {}", op,
                       index, position, bound.axis, bound.extent);
  }
  return fmt::format(
      "{}: on axis {} a window of {} that starts at {} is not inside the extent of {}", op,
      bound.axis, bound.window, index, bound.extent);
}

bool may_write_over(const LoopNest& nest, std::size_t written, std::size_t read) {
  if (nest.phases.size() != 1 || !nest.phases.front().loops.empty()) return false;
  if (size_of(nest.buffers[written].dtype) != size_of(nest.buffers[read].dtype)) return false;
  if (nest.buffers[written].elements != nest.buffers[read].elements) return false;
  const IndexExpr* target = nullptr;
  for (const Write& write : nest.phases.front().writes) {
    if (static_cast<std::size_t>(write.buffer) != written) continue;
    if (target != nullptr) return false;
    target = &write.index;
  }
  if (target == nullptr) return false;
  return std::ranges::all_of(nest.instructions, [&](const Instruction& x) {
    return x.kind != InstructionKind::kRead || static_cast<std::size_t>(x.buffer) != read ||
           (x.index == *target && x.index.terms.empty());
  });
}

namespace {

const LoopNest* nest_of(const Schedule& schedule, const Launch& launch) {
  return launch.library ? nullptr : &schedule.kernels[launch.kernel];
}

bool is_written(const Schedule& schedule, const Launch& launch, std::size_t buffer) {
  const LoopNest* nest = nest_of(schedule, launch);
  return nest != nullptr ? nest->buffers[buffer].is_written : buffer + 1 == launch.buffers.size();
}

}  // namespace

Lives lives_of(const Schedule& schedule) {
  constexpr std::int32_t kNever = -1;
  std::vector<std::int32_t> value_of(schedule.buffers.size(), kNever);
  Lives lives;
  for (std::size_t step = 0; step < schedule.launches.size(); ++step) {
    const Launch& launch = schedule.launches[step];
    const LoopNest* nest = nest_of(schedule, launch);
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      const auto buffer = static_cast<std::size_t>(launch.buffers[i]);
      const ScheduleBuffer& info = schedule.buffers[buffer];
      if (info.role != BufferRole::kTemporary) continue;
      const auto now = static_cast<std::int32_t>(step);
      if (value_of[buffer] == kNever) {
        value_of[buffer] = static_cast<std::int32_t>(lives.values.size());
        lives.buffers.push_back(launch.buffers[i]);
        PlannedValue value{info.type.bytes(), now, now, {}};
        const bool is_of_nest = nest != nullptr && nest->buffers[i].is_written;
        for (std::size_t k = 0; k < launch.buffers.size() && is_of_nest; ++k) {
          const std::int32_t other = value_of[static_cast<std::size_t>(launch.buffers[k])];
          const bool is_read = !nest->buffers[k].is_written && other != kNever;
          if (is_read && may_write_over(*nest, i, k)) value.in_place_of.push_back(other);
        }
        lives.values.push_back(std::move(value));
      }
      lives.values[static_cast<std::size_t>(value_of[buffer])].last_step = now;
    }
  }
  return lives;
}

std::string to_string(const Schedule& schedule) {
  constexpr std::array<std::string_view, 4> kRoles = {"input", "output", "constant", "temporary"};
  std::string text;
  for (const LoopNest& kernel : schedule.kernels) text += kernel.to_string() + '\n';
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    const ScheduleBuffer& buffer = schedule.buffers[i];
    text += fmt::format("%{}: {} {}\n", i, kRoles[static_cast<std::size_t>(buffer.role)],
                        buffer.type.to_string());
  }
  for (const Launch& launch : schedule.launches) {
    const LoopNest* nest = nest_of(schedule, launch);
    std::vector<std::string> written;
    std::vector<std::string> read;
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      (is_written(schedule, launch, i) ? written : read)
          .push_back(fmt::format("%{}", launch.buffers[i]));
    }
    const std::string results = fmt::format("{}", fmt::join(written, ", "));
    text += fmt::format("{}{}{}({})\n", results, results.empty() ? "" : " = ",
                        nest != nullptr ? nest->name : launch.library->name, fmt::join(read, ", "));
  }
  return text;
}

}  // namespace ndl::codegen
