#include "needle/trace_scope.h"

#include <atomic>
#include <utility>

namespace ndl {
namespace {

thread_local std::uint32_t current = 0;
std::atomic<std::uint32_t> traces{0};

}  // namespace

std::uint32_t current_trace() { return current; }

TraceScope::TraceScope() : outer_(std::exchange(current, ++traces)) {}

TraceScope::~TraceScope() { current = outer_; }

}  // namespace ndl
