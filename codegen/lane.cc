#include "codegen/lane.h"

namespace ndl::codegen {

thread_local LaneScope* LaneScope::current_ = nullptr;

}  // namespace ndl::codegen
