#include "runtime/executable.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/error.h"
#include "runtime/control.h"
#include "runtime/counters.h"
#include "runtime/float_environment.h"

namespace ndl::runtime {
namespace {

bool is_aligned(const void* data, std::int64_t alignment) {
  return (reinterpret_cast<std::uintptr_t>(data) & static_cast<std::uintptr_t>(alignment - 1)) == 0;
}

void check_spec(const ExecutableSpec& spec) {
  for (const auto* buffers : {&spec.inputs, &spec.outputs}) {
    for (const BufferSpec& buffer : *buffers) {
      NDL_CHECK(buffer.bytes >= 0, "{} bytes", buffer.bytes);
      NDL_CHECK(
          buffer.alignment > 0 && std::has_single_bit(static_cast<std::uint64_t>(buffer.alignment)),
          "alignment {}", buffer.alignment);
    }
  }
  for (const Buffer& constant : spec.constants) {
    NDL_CHECK(constant.bytes() == 0 || is_aligned(constant.data(), kAlignment));
  }
  NDL_CHECK(spec.outputs_over.empty() || spec.outputs_over.size() == spec.outputs.size());
  for (std::size_t i = 0; i < spec.outputs_over.size(); ++i) {
    const std::int32_t input = spec.outputs_over[i];
    if (input == -1) continue;
    NDL_CHECK(input >= 0 && static_cast<std::size_t>(input) < spec.inputs.size() &&
                  spec.inputs[static_cast<std::size_t>(input)].bytes == spec.outputs[i].bytes &&
                  std::ranges::count(spec.outputs_over, input) == 1,
              "output {} over input {}", i, input);
  }
  NDL_CHECK(spec.arena_bytes >= 0, "{} bytes", spec.arena_bytes);
  for (const TemporarySpec& temporary : spec.temporaries) {
    NDL_CHECK(temporary.offset >= 0 && temporary.offset % kAlignment == 0 && temporary.bytes >= 0 &&
                  temporary.bytes <= spec.arena_bytes &&
                  temporary.offset <= spec.arena_bytes - temporary.bytes,
              "{} bytes at {} of an arena of {}", temporary.bytes, temporary.offset,
              spec.arena_bytes);
  }
  const std::size_t slots =
      spec.inputs.size() + spec.outputs.size() + spec.constants.size() + spec.temporaries.size();
  for (const KernelCall& kernel : spec.kernels) {
    NDL_CHECK((kernel.function != nullptr) != (kernel.control != nullptr), "kernel '{}'",
              kernel.name);
    NDL_CHECK(kernel.control == nullptr || (kernel.extent == 1 && !kernel.joins_previous),
              "control flow '{}'", kernel.name);
    NDL_CHECK(kernel.extent >= 0 && kernel.grain >= 1, "kernel '{}': extent {}, grain {}",
              kernel.name, kernel.extent, kernel.grain);
    for (const std::int32_t slot : kernel.buffers) {
      NDL_CHECK(slot >= 0 && static_cast<std::size_t>(slot) < slots, "kernel '{}': slot {} of {}",
                kernel.name, slot, slots);
    }
  }
}

}  // namespace

// What threads share of a launch.
struct Executable::Rows {
  const Call* calls;
  std::size_t count;
  void** arguments;
};

// The addresses of the inputs and outputs are those of the last run.
struct Executable::Workspace {
  Buffer arena;
  std::vector<void*> arguments;
  std::vector<BufferView> views;  // of the control flow that is running
};

class Executable::Lease {
 public:
  explicit Lease(const Executable& executable)
      : executable_(executable), workspace_(executable.acquire_workspace()) {}
  ~Lease() { executable_.release_workspace(workspace_); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  void** arguments() { return workspace_->arguments.data(); }
  std::span<BufferView> views() { return workspace_->views; }

  void poison() {
    const auto words = static_cast<std::size_t>(workspace_->arena.bytes()) / 2;
    std::fill_n(static_cast<std::uint16_t*>(workspace_->arena.data()), words,
                ExecutableOptions::kPoison);
  }

 private:
  const Executable& executable_;
  Workspace* const workspace_;
};

Executable::Executable(ExecutableSpec spec, Allocator& allocator, ThreadPool& pool,
                       const ExecutableOptions& options)
    : spec_(std::move(spec)), options_(options), allocator_(allocator), pool_(pool) {
  check_spec(spec_);
  bool joins = false;
  for (std::size_t i = 0; i < spec_.kernels.size(); ++i) {
    const KernelCall& kernel = spec_.kernels[i];
    joins = joins && kernel.joins_previous && spec_.kernels[i - 1].control == nullptr;
    if (kernel.extent != 0) {
      constexpr std::int64_t kMostGrains = std::int64_t{1} << 40;
      const std::int64_t grains =
          std::clamp<std::int64_t>(kernel.extent / kernel.grain, 1, kMostGrains);
      if (!joins) launches_.push_back({calls_.size(), 0, 0});
      joins = true;
      Launch& launch = launches_.back();
      launch.control = kernel.control.get();
      if (kernel.control != nullptr) views_ = std::max(views_, kernel.control->views());
      ++launch.calls;
      launch.grains += grains;
      calls_.push_back({kernel.function, kernel.extent, grains, argument_slots_.size()});
      kernel_of_.push_back(i);
    }
    argument_slots_.insert(argument_slots_.end(), kernel.buffers.begin(), kernel.buffers.end());
  }
  for (const Launch& launch : launches_) {
    std::int64_t before = 0;
    for (Call& call : std::span(calls_).subspan(launch.first_call, launch.calls)) {
      call.phase = before * Call::kShares / launch.grains;
      before += call.grains;
    }
  }
  const std::size_t inputs = spec_.inputs.size();
  const std::size_t outputs = spec_.outputs.size();
  for (std::size_t i = 0; i < argument_slots_.size(); ++i) {
    const std::size_t slot = argument_slots_[i];
    if (slot < inputs) {
      input_patches_.push_back({slot, i});
    } else if (slot < inputs + outputs) {
      output_patches_.push_back({slot - inputs, i});
    }
  }
}

Executable::~Executable() { trim(); }

std::vector<Buffer> Executable::run(std::span<const BufferView> inputs, int threads,
                                    std::span<Buffer> given) const {
  check("input", inputs, spec_.inputs);
  NDL_CHECK(given.empty() || given.size() == inputs.size());
  std::vector<Buffer> outputs;
  std::vector<BufferView> views;
  outputs.reserve(spec_.outputs.size());
  views.reserve(spec_.outputs.size());
  for (std::size_t i = 0; i < spec_.outputs.size(); ++i) {
    const bool may_be_over = !given.empty() && !spec_.outputs_over.empty();
    const std::int32_t input = may_be_over ? spec_.outputs_over[i] : -1;
    if (input != -1 && given[static_cast<std::size_t>(input)]) {
      outputs.push_back(std::move(given[static_cast<std::size_t>(input)]));
    } else {
      outputs.push_back(Buffer::allocate(spec_.outputs[i].bytes, allocator_));
    }
    views.push_back(outputs.back().view());
  }
  internal::count_run();
  run_kernels(inputs, views, threads);
  return outputs;
}

void Executable::run_into(std::span<const BufferView> inputs, std::span<const BufferView> outputs,
                          int threads) const {
  check("input", inputs, spec_.inputs);
  check("output", outputs, spec_.outputs);
  internal::count_run();
  run_kernels(inputs, outputs, threads);
}

void Executable::run_body(std::span<const BufferView> inputs, std::span<const BufferView> outputs,
                          int threads) const {
  run_kernels(inputs, outputs, threads);
}

std::int64_t Executable::arena_bytes() const {
  std::int64_t sum = spec_.arena_bytes;
  for (const KernelCall& kernel : spec_.kernels) {
    if (kernel.control == nullptr) continue;
    for (const auto& body : kernel.control->bodies) {
      if (__builtin_add_overflow(sum, body->arena_bytes(), &sum)) return INT64_MAX;
    }
  }
  return sum;
}

void Executable::trim() const {
  for (std::atomic<Workspace*>& idle : idle_) delete idle.exchange(nullptr);
}

void Executable::check(std::string_view kind, std::span<const BufferView> buffers,
                       std::span<const BufferSpec> specs) const {
  if (buffers.size() != specs.size()) {
    throw_error<ShapeError>("{}: {} {}s are given, {} are needed", spec_.name, buffers.size(), kind,
                            specs.size());
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (buffers[i].bytes != specs[i].bytes) {
      throw_error<ShapeError>("{}: {} {} has {} bytes, {} are needed", spec_.name, kind, i,
                              buffers[i].bytes, specs[i].bytes);
    }
    if (buffers[i].data == nullptr && specs[i].bytes != 0) {
      throw_error<ShapeError>("{}: {} {} has no memory", spec_.name, kind, i);
    }
    if (specs[i].bytes != 0 && !is_aligned(buffers[i].data, specs[i].alignment)) {
      throw_error<UnsupportedError>("{}: {} {} is at {}, not at a multiple of {}", spec_.name, kind,
                                    i, buffers[i].data, specs[i].alignment);
    }
  }
}

void Executable::run_kernels(std::span<const BufferView> inputs,
                             std::span<const BufferView> outputs, int threads) const {
  if (threads < 0) [[unlikely]]
    throw_error<UsageError>("{}: {} threads", spec_.name, threads);
  Lease lease(*this);
  if (options_.poison_arena) lease.poison();
  void** const arguments = lease.arguments();
  for (const Patch& patch : input_patches_) arguments[patch.argument] = inputs[patch.slot].data;
  for (const Patch& patch : output_patches_) arguments[patch.argument] = outputs[patch.slot].data;

  const int most = threads > 0 ? threads : std::numeric_limits<int>::max();
  const DefaultFloatEnvironment environment;
  std::int64_t launches = 0;
  for (const Launch& launch : launches_) {
    const Call& first = calls_[launch.first_call];
    if (launch.control != nullptr) {
      run_control(*launch.control, arguments + first.first_argument, lease.views(), threads);
      continue;
    }
    ++launches;
    Rows rows{&first, launch.calls, arguments};
    const int width = static_cast<int>(std::min<std::int64_t>(most, launch.grains));
    std::int64_t status = 0;
    if (width == 1) {
      for (const Call& call : std::span(&first, launch.calls)) {
        status = call.function(arguments + call.first_argument, 0, call.extent);
        if (status != 0) break;
      }
    } else if (launch.calls == 1) {
      status = pool_.parallel_for(first.extent, width, run_rows, &rows, launch.grains);
    } else {
      status = pool_.parallel_for(Call::kShares, width, run_shares, &rows, launch.grains);
    }
    if (status != 0) [[unlikely]] {
      internal::count_launches(launches);
      fail(kernel_of_[launch.first_call], status, arguments + first.first_argument);
    }
  }
  internal::count_launches(launches);
}

// Rows of the only call.
std::int64_t Executable::run_rows(void* argument, std::int64_t begin, std::int64_t end) {
  const Rows& rows = *static_cast<const Rows*>(argument);
  return rows.calls->function(rows.arguments + rows.calls->first_argument, begin, end);
}

// A part of each call, one call after the other.
std::int64_t Executable::run_shares(void* argument, std::int64_t begin, std::int64_t end) {
  const Rows& rows = *static_cast<const Rows*>(argument);
  for (const Call& call : std::span(rows.calls, rows.count)) {
    const std::int64_t first = call.row_at(begin);
    const std::int64_t last = call.row_at(end);
    if (first == last) continue;
    const std::int64_t status = call.function(rows.arguments + call.first_argument, first, last);
    if (status != 0) return status;
  }
  return 0;
}

void Executable::fail(std::size_t kernel, std::int64_t status, void* const* buffers) const {
  if (spec_.raise) spec_.raise(kernel, status, buffers);
  throw_error<Error>("{}: kernel '{}' failed with status {}", spec_.name,
                     spec_.kernels[kernel].name, status);
}

std::unique_ptr<Executable::Workspace> Executable::make_workspace() const {
  auto workspace = std::make_unique<Workspace>();
  workspace->arena = Buffer::allocate(spec_.arena_bytes, allocator_);
  auto* const arena = static_cast<std::byte*>(workspace->arena.data());
  const std::size_t constants = spec_.inputs.size() + spec_.outputs.size();
  const std::size_t temporaries = constants + spec_.constants.size();
  for (const std::size_t slot : argument_slots_) {
    void* address = nullptr;  // of an input or output: every run has its own
    if (slot >= temporaries) {
      address = arena + spec_.temporaries[slot - temporaries].offset;
    } else if (slot >= constants) {
      address = spec_.constants[slot - constants].data();
    }
    workspace->arguments.push_back(address);
  }
  workspace->views.resize(views_);
  return workspace;
}

Executable::Workspace* Executable::acquire_workspace() const {
  for (std::atomic<Workspace*>& idle : idle_) {
    if (idle.load(std::memory_order_relaxed) == nullptr) continue;  // spares others the line
    if (Workspace* workspace = idle.exchange(nullptr, std::memory_order_acquire)) return workspace;
  }
  return make_workspace().release();
}

void Executable::release_workspace(Workspace* workspace) const noexcept {
  for (std::atomic<Workspace*>& idle : idle_) {
    Workspace* expected = nullptr;
    if (idle.load(std::memory_order_relaxed) == nullptr &&
        idle.compare_exchange_strong(expected, workspace, std::memory_order_release,
                                     std::memory_order_relaxed)) {
      return;
    }
  }
  delete workspace;
}

}  // namespace ndl::runtime
