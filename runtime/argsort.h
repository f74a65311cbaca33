// The library kernel that sorts: no code is generated for it.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace ndl::runtime {

// The first buffer of the kernel, an element of i64 for each member.
struct ArgsortParameters {
  std::int64_t dtype;          // of the keys, a DType
  std::int64_t extent;         // of a line
  std::int64_t stride;         // elements from one of a line to the next
  std::int64_t is_descending;  // 0 or 1
};

// A kernel (runtime/kernel.h) whose rows are the lines of keys [outer, extent, stride] along the
// middle axis. Buffers: the parameters; the keys; and what it writes, i64 [lines, extent], where
// each line is the positions of its keys in the order of base/sort_order.h.
std::int64_t argsort(void* const* buffers, std::int64_t begin, std::int64_t end);

}  // namespace ndl::runtime
