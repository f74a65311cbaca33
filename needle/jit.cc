#include "needle/jit.h"

#include <algorithm>

#include "needle/realize.h"

namespace ndl {

CompiledFunction::CompiledFunction(Trace trace)
    : program_(codegen::compile_cached(trace.graph)), captured_(std::move(trace.captured)) {}

bool CompiledFunction::accepts(std::span<const Tensor> arguments) const {
  const std::span<const ir::TensorType> inputs = program_->inputs();
  if (arguments.size() + captured_.size() != inputs.size()) return false;
  const auto fits = [](const Tensor& tensor, const ir::TensorType& type) {
    return tensor.type().tensor() == type;
  };
  return std::ranges::equal(arguments, inputs.first(arguments.size()), fits) &&
         std::ranges::equal(captured_, inputs.subspan(arguments.size()), fits);
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
  std::vector<runtime::Buffer> buffers = program_->run_buffers(views);
  std::vector<Tensor> results;
  results.reserve(buffers.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    results.emplace_back(make_leaf(program_->outputs()[i], std::move(buffers[i]), false));
  }
  return results;
}

}  // namespace ndl
