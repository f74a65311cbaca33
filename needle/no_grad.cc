#include "needle/no_grad.h"

namespace ndl {
namespace {

thread_local bool enabled = true;

}  // namespace

bool grad_enabled() { return enabled; }

NoGradGuard::NoGradGuard() : before_(std::exchange(enabled, false)) {}

NoGradGuard::~NoGradGuard() { enabled = before_; }

}  // namespace ndl
