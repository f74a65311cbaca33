#include "codegen/make_executable.h"

#include <cstring>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "codegen/memory_plan.h"
#include "codegen/partition.h"
#include "ir/math/convert.h"

namespace ndl::codegen {
namespace {

using Slots = std::vector<std::int32_t>;  // of each buffer of a schedule

runtime::BufferSpec buffer_spec(const ir::TensorType& type) {
  return {type.bytes(), static_cast<std::int64_t>(size_of(type.dtype))};
}

// `number` is that of the check among all.
[[noreturn]] void raise(const IndexCheck& check, std::size_t number, std::int64_t status,
                        void* const* buffers) {
  const std::int64_t position = status - 1;
  const std::int64_t index = visit_dtype(check.dtype, [&]<class T>(std::type_identity<T>) {
    return ir::math::convert_element<std::int64_t>(static_cast<const T*>(buffers[0])[position]);
  });
  throw CheckError(check.message(position, index), number);
}

class Maker {
 public:
  Maker(const Schedule& root, const Target& target) : target_(target) {
    const std::vector<KeyedNest> distinct = distinct_kernels(root);
    kernels_ =
        std::make_shared<const std::vector<CompiledKernel>>(compiled_kernels(distinct, target));
    for (std::size_t i = 0; i < distinct.size(); ++i) {
      kernel_of_key_[*distinct[i].key] = &(*kernels_)[i];
    }
  }

  std::shared_ptr<const runtime::Executable> make(const Schedule& schedule);

 private:
  // Slots: inputs, outputs, constants, temporaries.
  Slots add_buffers(const Schedule& schedule, runtime::ExecutableSpec& spec) const;
  runtime::KernelCall call(const Schedule& schedule, const Launch& launch);
  std::shared_ptr<const runtime::ControlCall> control_call(const ControlFlow& control);

  const Target& target_;
  std::shared_ptr<const std::vector<CompiledKernel>> kernels_;
  std::unordered_map<std::string_view, const CompiledKernel*> kernel_of_key_;  // of the schedules
  std::size_t checks_ = 0;  // of the schedules that have been begun
};

Slots Maker::add_buffers(const Schedule& schedule, runtime::ExecutableSpec& spec) const {
  Slots slot(schedule.buffers.size(), -1);
  std::int32_t slots = 0;
  for (const std::int32_t input : schedule.inputs) {
    spec.inputs.push_back(buffer_spec(schedule.buffers[static_cast<std::size_t>(input)].type));
    slot[static_cast<std::size_t>(input)] = slots++;
  }
  for (const std::int32_t output : schedule.outputs) {
    spec.outputs.push_back(buffer_spec(schedule.buffers[static_cast<std::size_t>(output)].type));
    slot[static_cast<std::size_t>(output)] = slots++;
  }
  for (std::size_t i = 0; i < schedule.constants.size(); ++i) {
    const ir::Literal& literal = schedule.constant_values[i];
    runtime::Buffer buffer = runtime::Buffer::allocate(literal.type().bytes());
    if (literal.size() != 0) {
      std::memcpy(buffer.data(), literal.bytes(), static_cast<std::size_t>(buffer.bytes()));
    }
    spec.constants.push_back(std::move(buffer));
    slot[static_cast<std::size_t>(schedule.constants[i])] = slots++;
  }
  const Lives lives = lives_of(schedule);
  const MemoryPlan plan = plan_memory(lives.values);
  verify_memory_plan(lives.values, plan);
  spec.arena_bytes = plan.arena_bytes;
  for (std::size_t i = 0; i < lives.values.size(); ++i) {
    spec.temporaries.push_back({plan.offsets[i], lives.values[i].bytes});
    slot[static_cast<std::size_t>(lives.buffers[i])] = slots++;
  }
  spec.outputs_over = schedule.outputs_over;
  return slot;
}

runtime::KernelCall Maker::call(const Schedule& schedule, const Launch& launch) {
  runtime::KernelCall call;
  call.joins_previous = launch.joins_previous;
  if (launch.control != nullptr) {
    call.control = control_call(*launch.control);
    call.name = launch.control->name;
  } else if (launch.library) {
    call.function = launch.library->function;
    call.extent = launch.library->rows;
    call.grain = launch.library->grain;
    call.name = launch.library->name;
  } else {
    const LoopNest& nest = schedule.kernels[launch.kernel];
    const Partition rows = partition(nest, target_);
    call.function = kernel_of_key_.at(schedule.keys[launch.kernel])->function;
    call.extent = rows.rows;
    call.grain = rows.grain;
    call.name = nest.name;
  }
  return call;
}

std::shared_ptr<const runtime::ControlCall> Maker::control_call(const ControlFlow& control) {
  auto call = std::make_shared<runtime::ControlCall>(control.call);
  for (const Schedule& region : control.regions) call->bodies.push_back(make(region));
  return call;
}

std::shared_ptr<const runtime::Executable> Maker::make(const Schedule& schedule) {
  runtime::ExecutableSpec spec;
  // Not the graph's: graphs of other names may share the code.
  spec.name = "program";
  const Slots slot = add_buffers(schedule, spec);
  const std::size_t first_check = std::exchange(checks_, checks_ + schedule.checks.size());
  std::vector<std::int32_t> check_of;  // each launch
  for (const Launch& launch : schedule.launches) {
    spec.kernels.push_back(call(schedule, launch));
    for (const std::int32_t buffer : launch.buffers) {
      spec.kernels.back().buffers.push_back(slot[static_cast<std::size_t>(buffer)]);
    }
    check_of.push_back(launch.check);
  }
  spec.code = kernels_;
  spec.raise = [check_of = std::move(check_of), checks = schedule.checks, first_check](
                   std::size_t kernel, std::int64_t status, void* const* buffers) {
    if (check_of[kernel] < 0) return;
    const auto check = static_cast<std::size_t>(check_of[kernel]);
    raise(checks[check], first_check + check, status, buffers);
  };
  return std::make_shared<const runtime::Executable>(std::move(spec));
}

}  // namespace

std::vector<IndexCheck> all_checks(const Schedule& schedule) {
  std::vector<IndexCheck> checks;
  for_each_schedule(schedule, [&](const Schedule& each) {
    checks.insert(checks.end(), each.checks.begin(), each.checks.end());
  });
  return checks;
}

std::vector<KeyedNest> distinct_kernels(const Schedule& schedule) {
  std::vector<KeyedNest> distinct;
  std::unordered_set<std::string_view> known;
  for_each_schedule(schedule, [&](const Schedule& each) {
    for (std::size_t i = 0; i < each.kernels.size(); ++i) {
      if (known.insert(each.keys[i]).second) distinct.push_back({&each.kernels[i], &each.keys[i]});
    }
  });
  return distinct;
}

std::shared_ptr<const runtime::Executable> make_executable(const Schedule& schedule,
                                                           const Target& target) {
  return Maker(schedule, target).make(schedule);
}

}  // namespace ndl::codegen
