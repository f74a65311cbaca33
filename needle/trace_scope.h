// Which function this thread is tracing, so that records know where they were made.
#pragma once

#include <cstdint>

namespace ndl {

// The number of the innermost trace in progress on this thread; 0 for none. An inner trace has a
// higher number than the one around it.
std::uint32_t current_trace();

// A trace in progress for as long as it lives.
class [[nodiscard]] TraceScope {
 public:
  TraceScope();
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  std::uint32_t outer_;
};

}  // namespace ndl
