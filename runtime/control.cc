#include "runtime/control.h"

#include <algorithm>
#include <cstring>

#include "runtime/executable.h"

namespace ndl::runtime {
namespace {

// The body of a loop with the buffers of one step.
class Loop {
 public:
  Loop(const ControlCall& call, void* const* buffers, std::span<BufferView> views)
      : call_(call),
        buffers_(buffers),
        body_(*call.bodies.back()),
        inputs_(views.first(body_.inputs().size())),
        outputs_(views.subspan(inputs_.size(), body_.outputs().size())) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = {buffers[i], body_.inputs()[i].bytes};
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      outputs_[k] = {result(k), body_.outputs()[k].bytes};
    }
  }

  std::span<const BufferView> inputs() const { return inputs_; }

  // Where the rows of the step are.
  void go_to_row(std::int64_t row) {
    const auto at = [&](void* first, std::int64_t bytes) {
      return static_cast<std::byte*>(first) + row * bytes;
    };
    for (std::size_t i = call_.states; i < call_.states + call_.scanned; ++i) {
      inputs_[i].data = at(buffers_[i], inputs_[i].bytes);
    }
    for (std::size_t k = call_.states; k < outputs_.size(); ++k) {
      outputs_[k].data = at(result(k), outputs_[k].bytes);
    }
  }

  void step(int threads) {
    for (std::size_t i = 0; i < call_.states; ++i) {
      const bool is_in_result = inputs_[i].data == result(i);
      const std::int32_t other = call_.alternates[i];
      outputs_[i].data = is_in_result && other != -1 ? buffers_[other] : result(i);
    }
    body_.run_body(inputs_, outputs_, threads);
    for (std::size_t i = 0; i < call_.states; ++i) inputs_[i].data = outputs_[i].data;
  }

  void finish() {
    for (std::size_t i = 0; i < call_.states; ++i) {
      if (inputs_[i].data == result(i) || inputs_[i].bytes == 0) continue;
      std::memcpy(result(i), inputs_[i].data, static_cast<std::size_t>(inputs_[i].bytes));
    }
  }

 private:
  void* result(std::size_t k) const { return buffers_[call_.operands + k]; }

  const ControlCall& call_;
  void* const* const buffers_;
  const Executable& body_;
  const std::span<BufferView> inputs_;
  const std::span<BufferView> outputs_;
};

void run_cond(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
              int threads) {
  const bool chosen = *static_cast<const bool*>(buffers[0]);
  const Executable& body = *call.bodies[chosen ? 0 : 1];
  const auto inputs = views.first(body.inputs().size());
  const auto outputs = views.subspan(inputs.size(), body.outputs().size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = {buffers[1 + i], body.inputs()[i].bytes};
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    outputs[k] = {buffers[call.operands + k], body.outputs()[k].bytes};
  }
  body.run_body(inputs, outputs, threads);
}

void run_while(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
               int threads) {
  Loop loop(call, buffers, views);
  const BufferView goes_on = {buffers[call.operands + call.results()], sizeof(bool)};
  for (std::int64_t i = 0; i != call.length; ++i) {
    call.bodies.front()->run_body(loop.inputs(), {&goes_on, 1}, threads);
    if (!*static_cast<const bool*>(goes_on.data)) break;
    loop.step(threads);
  }
  loop.finish();
}

void run_scan(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
              int threads) {
  Loop loop(call, buffers, views);
  for (std::int64_t i = 0; i < call.length; ++i) {
    loop.go_to_row(call.is_reverse ? call.length - 1 - i : i);
    loop.step(threads);
  }
  loop.finish();
}

}  // namespace

std::size_t ControlCall::results() const { return bodies.back()->outputs().size(); }

std::size_t ControlCall::views() const { return bodies.back()->inputs().size() + results(); }

void run_control(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
                 int threads) {
  switch (call.kind) {
    case ControlKind::kCond:
      return run_cond(call, buffers, views, threads);
    case ControlKind::kWhile:
      return run_while(call, buffers, views, threads);
    case ControlKind::kScan:
      return run_scan(call, buffers, views, threads);
  }
}

}  // namespace ndl::runtime
