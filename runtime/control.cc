#include "runtime/control.h"

#include <algorithm>
#include <cstring>

#include "runtime/executable.h"

namespace ndl::runtime {
namespace {

// The inputs and outputs of a body, as views of the call's buffers from `first_input` and
// `first_result` on.
struct Bound {
  std::span<BufferView> inputs;
  std::span<BufferView> outputs;
};

Bound bind(const ControlCall& call, const Executable& body, void* const* first_input,
           void* const* first_result, std::span<BufferView> views) {
  const std::size_t inputs = body.inputs().size();
  const Bound bound{views.first(inputs), views.subspan(inputs, body.outputs().size())};
  for (std::size_t i = 0; i < inputs; ++i) {
    bound.inputs[i] = {first_input[i], body.inputs()[i].bytes};
  }
  for (std::size_t k = 0; k < bound.outputs.size(); ++k) {
    bound.outputs[k] = {first_result[call.outputs[k]], body.outputs()[k].bytes};
  }
  return bound;
}

// The body of a loop with the buffers of one step.
class Loop {
 public:
  Loop(const ControlCall& call, void* const* buffers, std::span<BufferView> views)
      : call_(call),
        buffers_(buffers),
        body_(*call.bodies.back()),
        bound_(bind(call, body_, buffers, buffers + call.operands, views)) {}

  std::span<const BufferView> inputs() const { return bound_.inputs; }

  // Where the rows of the step are.
  void go_to_row(std::int64_t row) {
    const auto at = [&](void* first, std::int64_t bytes) {
      return static_cast<std::byte*>(first) + row * bytes;
    };
    for (std::size_t i = call_.states; i < call_.states + call_.scanned; ++i) {
      bound_.inputs[i].data = at(buffers_[i], bound_.inputs[i].bytes);
    }
    for (std::size_t k = 0; k < bound_.outputs.size(); ++k) {
      const std::size_t r = call_.outputs[k];
      if (r >= call_.states) bound_.outputs[k].data = at(result(r), bound_.outputs[k].bytes);
    }
  }

  void step(int threads) {
    for (std::size_t k = 0; k < bound_.outputs.size(); ++k) {
      const std::size_t r = call_.outputs[k];
      if (r >= call_.states) continue;
      const bool is_in_result = bound_.inputs[r].data == result(r);
      const std::int32_t other = call_.alternates[r];
      bound_.outputs[k].data = is_in_result && other != -1 ? buffers_[other] : result(r);
    }
    body_.run_body(bound_.inputs, bound_.outputs, threads);
    for (std::size_t k = 0; k < bound_.outputs.size(); ++k) {
      const std::size_t r = call_.outputs[k];
      if (r < call_.states) bound_.inputs[r].data = bound_.outputs[k].data;
      for (std::size_t i = 0; i < call_.rows.size(); ++i) {
        if (call_.rows[i] == static_cast<std::int32_t>(r)) {
          bound_.inputs[i].data = bound_.outputs[k].data;
        }
      }
    }
  }

  void finish() {
    for (std::size_t i = 0; i < call_.states; ++i) {
      if (bound_.inputs[i].data == result(i) || bound_.inputs[i].bytes == 0) continue;
      std::memcpy(result(i), bound_.inputs[i].data,
                  static_cast<std::size_t>(bound_.inputs[i].bytes));
    }
  }

 private:
  void* result(std::size_t k) const { return buffers_[call_.operands + k]; }

  const ControlCall& call_;
  void* const* const buffers_;
  const Executable& body_;
  const Bound bound_;
};

void run_cond(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
              int threads) {
  const bool chosen = *static_cast<const bool*>(buffers[0]);
  const Executable& body = *call.bodies[chosen ? 0 : 1];
  const Bound bound = bind(call, body, buffers + 1, buffers + call.operands, views);
  body.run_body(bound.inputs, bound.outputs, threads);
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

std::size_t ControlCall::results() const {
  const auto states_in_rows =
      std::ranges::count_if(rows, [](std::int32_t row) { return row >= 0; });
  return outputs.size() + static_cast<std::size_t>(states_in_rows);
}

std::size_t ControlCall::views() const { return bodies.back()->inputs().size() + outputs.size(); }

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
