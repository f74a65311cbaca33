// Buffers: reference-counted bytes, from an allocator or from outside.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "runtime/allocator.h"

namespace ndl::runtime {

// Bytes that somebody else keeps alive.
struct BufferView {
  void* data = nullptr;
  std::int64_t bytes = 0;
};

// A handle to shared bytes; an empty handle holds none. Handles to one buffer may be used, copied
// and destroyed by any threads; one handle is used by one thread at a time, as a shared_ptr is.
class Buffer {
 public:
  Buffer() = default;

  // Fresh bytes with unspecified contents; the allocator outlives them. Throws ResourceError.
  static Buffer allocate(std::int64_t bytes, Allocator& allocator = default_allocator());

  // Bytes from outside. `release(context)` is called once, with the last handle; it may be null if
  // there is nothing to do, and it does not throw. If this function throws it was not called.
  static Buffer external(void* data, std::int64_t bytes, void (*release)(void* context) = nullptr,
                         void* context = nullptr);

  Buffer(const Buffer& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Buffer() {
    // Whoever frees the bytes must see what every other thread wrote there before it let go.
    if (shared_ != nullptr && shared_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy(shared_);
    }
  }

  explicit operator bool() const { return shared_ != nullptr; }
  void* data() const { return shared_ != nullptr ? shared_->view.data : nullptr; }
  std::int64_t bytes() const { return shared_ != nullptr ? shared_->view.bytes : 0; }
  BufferView view() const { return shared_ != nullptr ? shared_->view : BufferView{}; }

  // Whether this is the only handle. Then it stays so until this thread copies the handle, and the
  // reads by former holders are over: the question that copy-on-write asks.
  bool unique() const {
    return shared_ != nullptr && shared_->references.load(std::memory_order_acquire) == 1;
  }

  // Whether somebody may see these bytes without a handle.
  bool is_external() const {
    return shared_ != nullptr && shared_->external.load(std::memory_order_relaxed);
  }
  // From now on is_external(): a view of the bytes has been given away for good.
  void mark_external() {
    if (shared_ != nullptr) shared_->external.store(true, std::memory_order_relaxed);
  }

  // Whether a kernel may write its result here instead of into fresh bytes.
  bool can_donate() const { return unique() && !is_external(); }

  friend bool operator==(const Buffer& a, const Buffer& b) { return a.shared_ == b.shared_; }

 private:
  struct Shared {
    std::atomic<std::int64_t> references{1};
    std::atomic<bool> external{false};
    BufferView view;
    Allocator* allocator = nullptr;  // null for bytes from outside
    void (*release)(void* context) = nullptr;
    void* context = nullptr;
  };

  explicit Buffer(Shared* shared) : shared_(shared) {}
  static void destroy(Shared* shared) noexcept;

  Shared* shared_ = nullptr;
};

}  // namespace ndl::runtime
