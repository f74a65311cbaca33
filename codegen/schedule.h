// A graph as kernels on buffers, in the order in which they run. No LLVM.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/source_location.h"
#include "codegen/loop_nest.h"
#include "codegen/memory_plan.h"
#include "ir/literal.h"
#include "runtime/control.h"
#include "runtime/kernel.h"

namespace ndl::codegen {

enum class BufferRole : std::uint8_t { kInput, kOutput, kConstant, kTemporary };

// Dense row-major elements.
struct ScheduleBuffer {
  ir::TensorType type;
  BufferRole role = BufferRole::kTemporary;
};

// Where a kernel looked for an index that is out of range, for its message.
struct IndexCheck {
  std::string op;
  SourceLocation location;
  DType dtype{};  // of the indices, which are the kernel's first buffer
  struct Bound {
    std::int64_t axis;
    std::int64_t window;  // of an op that takes windows
    std::int64_t extent;
  };
  bool is_window = false;
  std::vector<Bound> bounds;  // of a window one for each position, else one for all

  // "gather: index 7 at position 3 is out of range for axis 0 of extent 5"
  std::string message(std::int64_t position, std::int64_t index) const;
};

// A function of the runtime that does what no code is generated for. It writes its last buffer.
struct LibraryKernel {
  std::string_view name;
  runtime::KernelFunction function = nullptr;
  std::int64_t rows = 1;
  std::int64_t grain = 1;  // as runtime::KernelCall::grain
};

// What a launch is there for.
enum class LaunchKind : std::uint8_t {
  kOps,      // computes ops of the graph
  kLibrary,  // the same, by a kernel of the runtime
  kFill,     // writes one element everywhere: a constant, or what the result of an op begins as
  kCopy,     // writes elements that are there, also as another dtype
  kCheck,    // looks whether indices are in range
  kControl,  // runs other schedules
};
inline constexpr std::size_t kLaunchKinds = 6;

struct ControlFlow;

struct Launch {
  std::size_t kernel = 0;             // of the schedule, unless `library` is there
  std::vector<std::int32_t> buffers;  // one for each of the kernel's
  LaunchKind kind = LaunchKind::kOps;
  std::int32_t check = -1;  // what it checks, of the schedule; -1 for nothing
  std::optional<LibraryKernel> library;
  std::shared_ptr<const ControlFlow> control;  // instead of a kernel
  // Whether it needs nothing of the launches before it since the last one without this, nor they of
  // it: they are one launch, whose rows threads share as if they were those of one kernel.
  bool joins_previous = false;
};

struct Schedule {
  std::vector<ScheduleBuffer> buffers;
  std::vector<std::int32_t> inputs;   // one for each parameter
  std::vector<std::int32_t> outputs;  // one for each element of the result, all different
  // Of each output, the number of the input whose memory it may have: its kernel is the last that
  // reads the input, and no check comes later that could find an error. -1 for none.
  std::vector<std::int32_t> outputs_over;
  std::vector<std::int32_t> constants;
  std::vector<ir::Literal> constant_values;
  std::vector<LoopNest> kernels;  // distinct
  std::vector<std::string> keys;  // of the kernels
  std::vector<Launch> launches;
  std::vector<IndexCheck> checks;
};

// What a launch does that runs other schedules. Its buffers are as runtime::ControlCall says.
struct ControlFlow {
  std::string name;  // of the op
  std::vector<Schedule> regions;
  runtime::ControlCall call;  // without the bodies
};

// The schedule, and those inside, each before its own.
template <class F>
void for_each_schedule(const Schedule& schedule, F&& f) {
  f(schedule);
  for (const Launch& launch : schedule.launches) {
    if (launch.control == nullptr) continue;
    for (const Schedule& region : launch.control->regions) for_each_schedule(region, f);
  }
}

// Whether the launch checks indices, or what it runs does.
bool may_fail(const Launch& launch);

// The kernels as text, then the launches: "%3, %4 = softmax_rows(%0, %1)" on the buffers of the
// schedule, with what each of those is. "& " begins what joins the launch before it.
std::string to_string(const Schedule& schedule);

// The nest of a launch; null for a kernel of the runtime and for control flow.
const LoopNest* nest_of(const Schedule& schedule, const Launch& launch);
// Whether the launch writes its buffer number `position`.
bool is_written(const Schedule& schedule, const Launch& launch, std::size_t position);

// The launches that read each buffer, in order.
std::vector<std::vector<std::size_t>> readers_of(const Schedule& schedule);

// When the temporaries live, for memory_plan.h. Launches that are one are one step.
struct Lives {
  std::vector<std::int32_t> buffers;  // of each planned value
  std::vector<PlannedValue> values;
};
Lives lives_of(const Schedule& schedule);

}  // namespace ndl::codegen
