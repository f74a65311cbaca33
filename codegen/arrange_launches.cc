// Runs of launches that need nothing of each other are at most two launches: the second has those
// that may write over what others of the run read, if that is large. So a step of an optimizer is
// one launch over all parameters, and in a step of training the gradient that reads a weight comes
// before its update.
#include "codegen/arrange_launches.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/in_place.h"
#include "passes/cost_model.h"

namespace ndl::codegen {
namespace {

// A result that a launch may write over what it reads.
struct Over {
  std::int32_t output;
  std::int32_t input;
};

class Arranger {
 public:
  explicit Arranger(Schedule& schedule)
      : schedule_(schedule),
        readers_(readers_of(schedule)),
        writes_(schedule.buffers.size()),
        read_in_(schedule.buffers.size(), kNever),
        written_in_(schedule.buffers.size(), kNever),
        output_(schedule.buffers.size(), -1),
        input_(schedule.buffers.size(), -1) {}

  void run();

 private:
  std::size_t end_of_run(std::size_t begin);
  std::vector<Over> candidates(std::size_t number, std::size_t run_end) const;
  void arrange_run(std::size_t begin, std::size_t end);
  BufferRole role(std::int32_t buffer) const {
    return schedule_.buffers[static_cast<std::size_t>(buffer)].role;
  }
  template <class F>
  void for_each_other_reader(const Over& over, std::size_t number, std::size_t begin, F&& f) const {
    const std::vector<std::size_t>& all = readers_[static_cast<std::size_t>(over.input)];
    for (auto it = all.rbegin(); it != all.rend() && *it >= begin; ++it) {
      if (*it != number) f(*it);
    }
  }

  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);

  Schedule& schedule_;
  const std::vector<std::vector<std::size_t>> readers_;
  std::vector<int> writes_;           // how many launches write each buffer
  std::vector<std::size_t> read_in_;  // the beginning of the last run that reads each buffer
  std::vector<std::size_t> written_in_;
  std::vector<std::int32_t> output_;  // the number of each buffer that is an output
  std::vector<std::int32_t> input_;
  std::size_t last_check_ = 0;  // one more than the number of the last launch that checks
  std::vector<Launch> arranged_;
};

void Arranger::run() {
  for (std::size_t i = 0; i < schedule_.outputs.size(); ++i) {
    output_[static_cast<std::size_t>(schedule_.outputs[i])] = static_cast<std::int32_t>(i);
  }
  for (std::size_t i = 0; i < schedule_.inputs.size(); ++i) {
    input_[static_cast<std::size_t>(schedule_.inputs[i])] = static_cast<std::int32_t>(i);
  }
  for (std::size_t number = 0; number < schedule_.launches.size(); ++number) {
    const Launch& launch = schedule_.launches[number];
    if (may_fail(launch)) last_check_ = number + 1;
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      if (is_written(schedule_, launch, i)) ++writes_[static_cast<std::size_t>(launch.buffers[i])];
    }
  }
  schedule_.outputs_over.assign(schedule_.outputs.size(), -1);
  arranged_.reserve(schedule_.launches.size());
  for (std::size_t begin = 0; begin < schedule_.launches.size();) {
    const std::size_t end = end_of_run(begin);
    arrange_run(begin, end);
    begin = end;
  }
  schedule_.launches = std::move(arranged_);
}

// A check is a run of its own: its status says what failed. So is control flow.
std::size_t Arranger::end_of_run(std::size_t begin) {
  for (std::size_t end = begin; end < schedule_.launches.size(); ++end) {
    const Launch& launch = schedule_.launches[end];
    if (launch.check >= 0 || launch.control != nullptr) return std::max(end, begin + 1);
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      const auto buffer = static_cast<std::size_t>(launch.buffers[i]);
      const bool is_read_before = is_written(schedule_, launch, i) && read_in_[buffer] == begin;
      if (is_read_before || written_in_[buffer] == begin) return end;
    }
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      const auto buffer = static_cast<std::size_t>(launch.buffers[i]);
      (is_written(schedule_, launch, i) ? written_in_ : read_in_)[buffer] = begin;
    }
  }
  return schedule_.launches.size();
}

// What the launch may write over if all other readers of the run come before it: a temporary over a
// temporary, or an output over an input.
std::vector<Over> Arranger::candidates(std::size_t number, std::size_t run_end) const {
  std::vector<Over> result;
  const Launch& launch = schedule_.launches[number];
  const LoopNest* nest = nest_of(schedule_, launch);
  for (std::size_t i = 0; i < launch.buffers.size() && nest != nullptr; ++i) {
    const std::int32_t output = launch.buffers[i];
    const bool is_output = role(output) == BufferRole::kOutput;
    if (!nest->buffers[i].is_written || writes_[static_cast<std::size_t>(output)] > 1) continue;
    if (is_output && last_check_ > number) continue;
    for (const std::int32_t input : launch.buffers) {
      if (role(input) != (is_output ? BufferRole::kInput : BufferRole::kTemporary)) continue;
      const std::vector<std::size_t>& readers = readers_[static_cast<std::size_t>(input)];
      if (readers.empty() || readers.back() >= run_end) continue;
      if (may_write_over(*nest, launch.buffers, i, input)) result.push_back({output, input});
    }
  }
  return result;
}

void Arranger::arrange_run(std::size_t begin, std::size_t end) {
  std::vector<bool> is_late(end - begin);
  std::vector<bool> is_early(end - begin);
  std::vector<std::int32_t> taken;
  for (std::size_t number = begin; number < end; ++number) {
    std::vector<std::int32_t> done;  // outputs that have a place
    for (const Over& over : candidates(number, end)) {
      if (std::ranges::find(taken, over.input) != taken.end() ||
          std::ranges::find(done, over.output) != done.end()) {
        continue;
      }
      bool has_others = false;
      bool is_possible = true;
      for_each_other_reader(over, number, begin, [&](std::size_t other) {
        has_others = true;
        if (is_late[other - begin]) is_possible = false;
      });
      const std::int64_t bytes =
          schedule_.buffers[static_cast<std::size_t>(over.input)].type.bytes();
      if (has_others && (is_early[number - begin] || bytes < passes::CostModel::kWorthALaunch))
        continue;
      if (!is_possible) continue;
      if (has_others) is_late[number - begin] = true;
      for_each_other_reader(over, number, begin,
                            [&](std::size_t other) { is_early[other - begin] = true; });
      taken.push_back(over.input);
      done.push_back(over.output);
      const std::int32_t output = output_[static_cast<std::size_t>(over.output)];
      if (output != -1) {
        schedule_.outputs_over[static_cast<std::size_t>(output)] =
            input_[static_cast<std::size_t>(over.input)];
      }
    }
  }
  for (const bool late : {false, true}) {
    bool joins = false;
    for (std::size_t number = begin; number < end; ++number) {
      if (is_late[number - begin] != late) continue;
      arranged_.push_back(std::move(schedule_.launches[number]));
      arranged_.back().joins_previous = std::exchange(joins, true);
    }
  }
}

}  // namespace

void arrange_launches(Schedule& schedule) { Arranger(schedule).run(); }

}  // namespace ndl::codegen
