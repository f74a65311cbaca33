#include "runtime/buffer.h"

#include <memory>

namespace ndl::runtime {

Buffer Buffer::allocate(std::int64_t bytes, Allocator& allocator) {
  auto shared = std::make_unique<Shared>();
  shared->view = {allocator.allocate(bytes), bytes};
  shared->allocator = &allocator;
  return Buffer(shared.release());
}

Buffer Buffer::external(void* data, std::int64_t bytes, void (*release)(void* context),
                        void* context) {
  auto shared = std::make_unique<Shared>();
  shared->external = true;
  shared->view = {data, bytes};
  shared->release = release;
  shared->context = context;
  return Buffer(shared.release());
}

void Buffer::destroy(Shared* shared) noexcept {
  if (shared->allocator != nullptr) {
    shared->allocator->deallocate(shared->view.data, shared->view.bytes);
  } else if (shared->release != nullptr) {
    shared->release(shared->context);
  }
  delete shared;
}

}  // namespace ndl::runtime
