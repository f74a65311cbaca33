// The kernel ABI: what compiled code and the runtime know of each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ndl::runtime {

// Does the rows [begin, end) of its parallel dimension. `buffers` holds the addresses named by
// KernelCall::buffers, in that order; the kernel knows their sizes and which of them it writes.
//
// Alignment: inputs and outputs as their BufferSpec says, which may be one element only; constants
// and temporaries start at multiples of kAlignment (runtime/allocator.h). A buffer of zero bytes
// may have any address, and is not touched.
//
// Aliasing: two of the buffers may be one memory only where the plan that made the call says so.
// Calls for disjoint rows run at the same time, so they write disjoint bytes.
//
// Status: 0 is success. Anything else says what failed and at which position, the lowest position
// of its rows, as the compiler of the kernel encodes it. A kernel checks before it writes to memory
// that outlives the run. It does not throw, and nothing unwinds through it.
//
// It may use the default floating-point modes: round to nearest, subnormals kept, no traps.
using KernelFunction = std::int64_t (*)(void* const* buffers, std::int64_t begin, std::int64_t end);

struct ControlCall;

struct KernelCall {
  KernelFunction function = nullptr;
  std::vector<std::int32_t> buffers;  // slots of the executable, see runtime/executable.h
  std::int64_t extent = 1;            // rows of the parallel dimension; with 0 it is not called
  std::int64_t grain = 1;             // rows of about a microsecond, too few to share; at least 1
  std::string name;                   // for errors and profiles
  // Whether it is one launch with the kernel before it: neither needs anything of the other, and
  // threads share their rows as if they were those of one kernel. Kernels that may fail are not.
  bool joins_previous = false;
  // Instead of a function: see runtime/control.h. It is a launch of its own.
  std::shared_ptr<const ControlCall> control;
};

}  // namespace ndl::runtime
