// A graph as kernels on buffers, in the order in which they run. No LLVM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/source_location.h"
#include "codegen/loop_nest.h"
#include "codegen/memory_plan.h"
#include "ir/literal.h"
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

struct Launch {
  std::size_t kernel = 0;             // of the schedule, unless `library` is there
  std::vector<std::int32_t> buffers;  // one for each of the kernel's
  std::int32_t check = -1;            // what it checks, of the schedule; -1 for nothing
  std::optional<LibraryKernel> library;
};

struct Schedule {
  std::vector<ScheduleBuffer> buffers;
  std::vector<std::int32_t> inputs;   // one for each parameter
  std::vector<std::int32_t> outputs;  // one for each element of the result, all different
  std::vector<std::int32_t> constants;
  std::vector<ir::Literal> constant_values;
  std::vector<LoopNest> kernels;  // distinct
  std::vector<std::string> keys;  // of the kernels
  std::vector<Launch> launches;
  std::vector<IndexCheck> checks;
};

// The kernels as text, then the launches: "%3, %4 = softmax_rows(%0, %1)" on the buffers of the
// schedule, with what each of those is.
std::string to_string(const Schedule& schedule);

// Whether the kernel may write buffer `written` over `read`, of at least its size: it reads each
// element of it before it writes the same one, and no other.
bool may_write_over(const LoopNest& nest, std::size_t written, std::size_t read);

// When the temporaries live, for memory_plan.h.
struct Lives {
  std::vector<std::int32_t> buffers;  // of each planned value
  std::vector<PlannedValue> values;
};
Lives lives_of(const Schedule& schedule);

}  // namespace ndl::codegen
