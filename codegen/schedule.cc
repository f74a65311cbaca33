#include "codegen/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "codegen/in_place.h"

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

const LoopNest* nest_of(const Schedule& schedule, const Launch& launch) {
  const bool has_nest = !launch.library && launch.control == nullptr;
  return has_nest ? &schedule.kernels[launch.kernel] : nullptr;
}

bool may_fail(const Launch& launch) {
  if (launch.control == nullptr) return launch.check >= 0;
  return std::ranges::any_of(launch.control->regions, [](const Schedule& region) {
    return std::ranges::any_of(region.launches, may_fail);
  });
}

bool is_written(const Schedule& schedule, const Launch& launch, std::size_t position) {
  if (launch.control != nullptr) return position >= launch.control->call.operands;
  const LoopNest* nest = nest_of(schedule, launch);
  return nest != nullptr ? nest->buffers[position].is_written
                         : position + 1 == launch.buffers.size();
}

std::vector<std::vector<std::size_t>> readers_of(const Schedule& schedule) {
  std::vector<std::vector<std::size_t>> readers(schedule.buffers.size());
  for (std::size_t number = 0; number < schedule.launches.size(); ++number) {
    const Launch& launch = schedule.launches[number];
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      if (is_written(schedule, launch, i)) continue;
      std::vector<std::size_t>& of_buffer = readers[static_cast<std::size_t>(launch.buffers[i])];
      if (of_buffer.empty() || of_buffer.back() != number) of_buffer.push_back(number);
    }
  }
  return readers;
}

namespace {

// The step of each launch.
std::vector<std::int32_t> steps_of(const Schedule& schedule) {
  std::vector<std::int32_t> steps;
  std::int32_t step = -1;
  for (const Launch& launch : schedule.launches) {
    steps.push_back(launch.joins_previous ? step : ++step);
  }
  return steps;
}

}  // namespace

Lives lives_of(const Schedule& schedule) {
  constexpr std::int32_t kNever = -1;
  const std::vector<std::vector<std::size_t>> readers = readers_of(schedule);
  const std::vector<std::int32_t> steps = steps_of(schedule);
  std::vector<std::int32_t> value_of(schedule.buffers.size(), kNever);
  Lives lives;
  for (std::size_t number = 0; number < schedule.launches.size(); ++number) {
    const Launch& launch = schedule.launches[number];
    const LoopNest* nest = nest_of(schedule, launch);
    // Whether nobody reads the buffer at the same time, or later.
    const auto is_last_reader = [&](std::int32_t buffer) {
      const std::vector<std::size_t>& all = readers[static_cast<std::size_t>(buffer)];
      if (all.empty() || all.back() != number) return false;
      return all.size() == 1 || steps[all[all.size() - 2]] != steps[number];
    };
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      const auto buffer = static_cast<std::size_t>(launch.buffers[i]);
      const ScheduleBuffer& info = schedule.buffers[buffer];
      if (info.role != BufferRole::kTemporary) continue;
      if (value_of[buffer] == kNever) {
        value_of[buffer] = static_cast<std::int32_t>(lives.values.size());
        lives.buffers.push_back(launch.buffers[i]);
        PlannedValue value{info.type.bytes(), steps[number], steps[number], {}};
        const bool is_of_nest = nest != nullptr && nest->buffers[i].is_written;
        for (std::size_t k = 0; k < launch.buffers.size() && is_of_nest; ++k) {
          const std::int32_t other = value_of[static_cast<std::size_t>(launch.buffers[k])];
          if (other != kNever && is_last_reader(launch.buffers[k]) &&
              may_write_over(*nest, launch.buffers, i, launch.buffers[k])) {
            value.in_place_of.push_back(other);
          }
        }
        lives.values.push_back(std::move(value));
      }
      lives.values[static_cast<std::size_t>(value_of[buffer])].last_step = steps[number];
    }
  }
  return lives;
}

namespace {

std::string_view name_of(const Schedule& schedule, const Launch& launch) {
  if (launch.control != nullptr) return launch.control->name;
  return launch.library ? launch.library->name : schedule.kernels[launch.kernel].name;
}

}  // namespace

std::string to_string(const Schedule& schedule) {
  constexpr std::array<std::string_view, 4> kRoles = {"input", "output", "constant", "temporary"};
  std::string text;
  for (const LoopNest& kernel : schedule.kernels) text += kernel.to_string() + '\n';
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    const ScheduleBuffer& buffer = schedule.buffers[i];
    text += fmt::format("%{}: {} {}", i, kRoles[static_cast<std::size_t>(buffer.role)],
                        buffer.type.to_string());
    const auto output = std::ranges::find(schedule.outputs, static_cast<std::int32_t>(i));
    if (output != schedule.outputs.end()) {
      const std::int32_t over =
          schedule.outputs_over[static_cast<std::size_t>(output - schedule.outputs.begin())];
      if (over != -1) {
        text += fmt::format(" over %{}", schedule.inputs[static_cast<std::size_t>(over)]);
      }
    }
    text += '\n';
  }
  for (const Launch& launch : schedule.launches) {
    std::vector<std::string> written;
    std::vector<std::string> read;
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      (is_written(schedule, launch, i) ? written : read)
          .push_back(fmt::format("%{}", launch.buffers[i]));
    }
    const std::string results = fmt::format("{}", fmt::join(written, ", "));
    text +=
        fmt::format("{}{}{}{}({})\n", launch.joins_previous ? "& " : "", results,
                    results.empty() ? "" : " = ", name_of(schedule, launch), fmt::join(read, ", "));
    if (launch.control == nullptr) continue;
    for (const Schedule& region : launch.control->regions) {
      const std::string inside = to_string(region);
      text += "{\n";
      for (const std::string_view line : split(inside, '\n')) {
        if (!line.empty()) text += fmt::format("  {}\n", line);
      }
      text += "}\n";
    }
  }
  return text;
}

}  // namespace ndl::codegen
