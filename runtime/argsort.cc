#include "runtime/argsort.h"

#include <algorithm>
#include <numeric>

#include "base/sort_order.h"

namespace ndl::runtime {
namespace {

template <class T>
void argsort_line(const T* keys, const ArgsortParameters& p, std::int64_t* positions) {
  std::iota(positions, positions + p.extent, std::int64_t{0});
  std::sort(positions, positions + p.extent, [&](std::int64_t a, std::int64_t b) {
    return sorts_before(comparable(keys[a * p.stride]), a, comparable(keys[b * p.stride]), b,
                        p.is_descending != 0);
  });
}

}  // namespace

std::int64_t argsort(void* const* buffers, std::int64_t begin, std::int64_t end) {
  const auto& p = *static_cast<const ArgsortParameters*>(buffers[0]);
  auto* positions = static_cast<std::int64_t*>(buffers[2]);
  visit_dtype(static_cast<DType>(p.dtype), [&]<class T>(std::type_identity<T>) {
    const T* keys = static_cast<const T*>(buffers[1]);
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t first = line / p.stride * p.extent * p.stride + line % p.stride;
      argsort_line(keys + first, p, positions + line * p.extent);
    }
  });
  return 0;
}

}  // namespace ndl::runtime
