#include "needle/jit.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "needle/lower.h"
#include "needle/realize.h"

namespace ndl {

CompiledFunction::CompiledFunction(Trace trace)
    : program_(codegen::compile_cached(trace.graph, {.pipeline = std::string(kFrontEndPipeline)})),
      captured_(std::move(trace.captured)),
      changed_(std::move(trace.changed)) {
  const std::size_t arguments = program_->inputs().size() - captured_.size();
  std::unordered_set<const Variable*> changed;
  for (const std::shared_ptr<Variable>& variable : changed_) changed.insert(variable.get());
  for (std::size_t i = 0; i < captured_.size(); ++i) {
    if (changed.contains(captured_[i].variable().get())) replaced_.push_back(arguments + i);
  }
}

bool CompiledFunction::accepts(std::span<const Tensor> arguments) const {
  const std::span<const ir::TensorType> inputs = program_->inputs();
  if (arguments.size() + captured_.size() != inputs.size()) return false;
  const auto fits = [](const Tensor& tensor, const ir::TensorType& type) {
    return tensor.type().tensor() == type;
  };
  return std::ranges::equal(arguments, inputs.first(arguments.size()), fits) &&
         std::ranges::equal(captured_, inputs.subspan(arguments.size()), fits);
}

std::string CompiledFunction::mismatch(std::span<const Tensor> arguments) const {
  const std::span<const ir::TensorType> inputs = program_->inputs();
  const std::size_t count = inputs.size() - captured_.size();
  if (arguments.size() != count) {
    return fmt::format("there are {} arguments, not {}", arguments.size(), count);
  }
  const auto differ = [](const Tensor& x, const ir::TensorType& type, const std::string& what) {
    return x.type().tensor() == type
               ? ""
               : fmt::format("{} is {}, not {}", what, x.type().to_string(), type.to_string());
  };
  std::string found;
  for (std::size_t i = 0; i < inputs.size() && found.empty(); ++i) {
    found = i < count
                ? differ(arguments[i], inputs[i], fmt::format("argument {}", i))
                : differ(captured_[i - count], inputs[i], "a tensor that the function captures");
  }
  return found;
}

// The memory of what the run replaces, where nobody else holds the value or its bytes.
std::vector<runtime::Buffer> CompiledFunction::given(std::span<const RecordRef> inputs) const {
  if (replaced_.empty()) return {};
  std::vector<runtime::Buffer> buffers(inputs.size());
  for (const std::size_t i : replaced_) {
    constexpr std::uint32_t kOurs = 2;  // the tensor, and `inputs`
    const Record& record = *inputs[i];
    if (record.references() != kOurs || record.is_scalar) continue;
    if (record.storage.front().can_donate()) buffers[i] = record.storage.front();
  }
  return buffers;
}

std::vector<Tensor> CompiledFunction::run(std::span<const Tensor> arguments) const {
  // The records stay what they are even if a tensor is rebound meanwhile.
  std::vector<RecordRef> inputs;
  inputs.reserve(arguments.size() + captured_.size());
  for (const Tensor& argument : arguments) inputs.push_back(argument.record());
  for (const Tensor& tensor : captured_) inputs.push_back(tensor.record());
  realize(inputs);
  std::vector<runtime::BufferView> views;
  views.reserve(inputs.size());
  for (const RecordRef& input : inputs) views.push_back(input->view());
  std::vector<runtime::Buffer> donated = given(inputs);
  std::vector<runtime::Buffer> buffers = program_->run_buffers(views, 0, donated);
  const std::size_t count = buffers.size() - changed_.size();
  const auto leaf = [&](std::size_t i, bool requires_grad) {
    return make_leaf(program_->outputs()[i], std::move(buffers[i]), requires_grad);
  };
  std::vector<Tensor> results;
  results.reserve(count);
  for (std::size_t i = 0; i < count; ++i) results.emplace_back(leaf(i, false));
  for (std::size_t i = 0; i < changed_.size(); ++i) {
    RecordRef value = leaf(count + i, changed_[i]->value->requires_grad);
    value->variable = changed_[i];
    changed_[i]->value = std::move(value);
  }
  return results;
}

}  // namespace ndl
