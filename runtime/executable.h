// Executables: compiled kernels in the order in which they run, and the memory they run on.
//
// Kernels name their buffers by slot. Slots are numbered inputs first, then outputs, constants and
// temporaries. Temporaries are places in one arena, and may share bytes where the plan says that
// their lives do not meet.
//
// An executable does not change: any number of threads may run it at the same time. Each run leases
// a workspace, an arena with its addresses filled in, from those that are idle; runs at the same
// time have one each.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/kernel.h"
#include "runtime/thread_pool.h"

namespace ndl::runtime {

struct BufferSpec {
  std::int64_t bytes = 0;
  std::int64_t alignment = 1;  // of the address, a power of two: that of an element
};

// A place in the arena.
struct TemporarySpec {
  std::int64_t offset = 0;  // a multiple of kAlignment
  std::int64_t bytes = 0;
};

struct ExecutableSpec {
  std::string name;  // for errors
  std::vector<BufferSpec> inputs;
  std::vector<BufferSpec> outputs;
  // Of each output, the input whose memory it may have, -1 for none; empty if none may. The kernels
  // are such that this changes no result.
  std::vector<std::int32_t> outputs_over;
  std::vector<Buffer> constants;  // aligned to kAlignment
  std::vector<TemporarySpec> temporaries;
  std::int64_t arena_bytes = 0;
  std::vector<KernelCall> kernels;
  std::shared_ptr<const void> code;  // what keeps the kernels' machine code alive
  // Throws what a kernel's status (never 0) means. `buffers` are the addresses that the kernel had,
  // with what it read still there, so that the message can quote it. Called on the thread that runs
  // the executable, with its own floating-point modes. Without it, or if it returns, an Error names
  // kernel and status.
  std::function<void(std::size_t kernel, std::int64_t status, void* const* buffers)> raise;
};

struct ExecutableOptions {
  // Before each run fills the arena with kPoison, so that a kernel which reads what none has
  // written gives results that show it. For tests: it costs a pass over the arena.
  bool poison_arena = false;

  // A NaN as f16 and bf16, and as f32 and f64 when repeated; no index into anything small.
  static constexpr std::uint16_t kPoison = 0x7ff4;
};

class Executable {
 public:
  // A spec that breaks the rules above is an InternalError. The allocator and the pool outlive it.
  explicit Executable(ExecutableSpec spec, Allocator& allocator = default_allocator(),
                      ThreadPool& pool = default_thread_pool(),
                      const ExecutableOptions& options = {});
  // No run is in progress.
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  // Runs the kernels in order and stops at the first that fails. Results are the same bits for
  // every number of threads. A kernel has at most `threads` of them, never more than the pool has
  // or its work is worth; 0 means as many as the pool has.
  //
  // Throws ShapeError if the number of buffers or their sizes are not those of the spec,
  // UnsupportedError for an address that is not aligned, UsageError for a negative number of
  // threads, ResourceError when memory is short, all before any kernel runs; and what `raise`
  // throws. Outputs are then unspecified.
  //
  // `given` is empty or has a buffer for each input; one that is not empty has the input's bytes,
  // and may be taken, to come back as an output that may have its memory.
  std::vector<Buffer> run(std::span<const BufferView> inputs, int threads = 0,
                          std::span<Buffer> given = {}) const;

  // The same into memory of the caller, which overlaps no input and no other output but where the
  // plan allows it. Allocates nothing once as many workspaces exist as there are runs at one time.
  void run_into(std::span<const BufferView> inputs, std::span<const BufferView> outputs,
                int threads = 0) const;

  // The same as a part of another run, which has checked everything (runtime/control.h).
  void run_body(std::span<const BufferView> inputs, std::span<const BufferView> outputs,
                int threads) const;

  // Gives the memory of idle workspaces back to the allocator.
  void trim() const;

  std::string_view name() const { return spec_.name; }
  const ExecutableSpec& spec() const { return spec_; }
  std::span<const BufferSpec> inputs() const { return spec_.inputs; }
  std::span<const BufferSpec> outputs() const { return spec_.outputs; }
  std::span<const KernelCall> kernels() const { return spec_.kernels; }
  // Of temporaries, also those of the bodies of control flow.
  std::int64_t arena_bytes() const;

 private:
  struct Workspace;
  class Lease;

  // A kernel as a run needs it.
  struct Call {
    KernelFunction function;
    std::int64_t extent;
    std::int64_t grains;         // the most threads it is worth, and microseconds it takes one
    std::size_t first_argument;  // of the addresses in a workspace
    std::int64_t phase = 0;      // see row_at

    // In a launch of several calls a thread has a range of kShares, and of each call the rows from
    // row_at(begin) to row_at(end): a part of it as large. What is a grain or two goes to one
    // thread whole, by the phase to another one for each call.
    static constexpr std::int64_t kShares = 1 << 14;
    std::int64_t row_at(std::int64_t share) const {
      const std::int64_t grain = (share * grains + phase) / kShares;
      return grain * (extent / grains) + std::min(grain, extent % grains);
    }
  };
  // Kernels that run at the same time, none without rows.
  struct Launch {
    std::size_t first_call;
    std::size_t calls;
    std::int64_t grains;                   // of all
    const ControlCall* control = nullptr;  // instead of kernels, on the arguments of the only call
  };
  struct Rows;
  // Where the address of an input or output goes.
  struct Patch {
    std::size_t slot;
    std::size_t argument;
  };

  void check(std::string_view kind, std::span<const BufferView> buffers,
             std::span<const BufferSpec> specs) const;
  void run_kernels(std::span<const BufferView> inputs, std::span<const BufferView> outputs,
                   int threads) const;
  static std::int64_t run_rows(void* argument, std::int64_t begin, std::int64_t end);
  static std::int64_t run_shares(void* argument, std::int64_t begin, std::int64_t end);
  [[noreturn]] void fail(std::size_t kernel, std::int64_t status, void* const* buffers) const;
  std::unique_ptr<Workspace> make_workspace() const;
  Workspace* acquire_workspace() const;
  void release_workspace(Workspace* workspace) const noexcept;

  // More runs than this at one time get a workspace that is thrown away.
  static constexpr std::size_t kIdleWorkspaces = 64;

  const ExecutableSpec spec_;
  const ExecutableOptions options_;
  Allocator& allocator_;
  ThreadPool& pool_;
  std::vector<Call> calls_;
  std::vector<std::size_t> kernel_of_;  // each call
  std::vector<Launch> launches_;
  std::vector<Patch> input_patches_;
  std::vector<Patch> output_patches_;
  std::vector<std::size_t> argument_slots_;  // of all kernels, one after the other
  std::size_t views_ = 0;                    // that control flow works with, at most
  mutable std::array<std::atomic<Workspace*>, kIdleWorkspaces> idle_{};
};

}  // namespace ndl::runtime
