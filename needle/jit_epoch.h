// What jitted functions depend on besides tensors: a change makes them record anew.
#pragma once

#include <cstdint>

namespace ndl::internal {

// How often something has changed that is no tensor but part of what functions record: the mode of
// a module.
std::uint64_t jit_epoch();
void bump_jit_epoch();

}  // namespace ndl::internal
