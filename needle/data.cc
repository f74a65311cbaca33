#include "needle/data.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "needle/idx.h"

namespace ndl::data {
namespace {

// Rows of `array`, stacked.
ir::Literal rows(const ir::Literal& array, std::span<const std::int64_t> indices) {
  ir::Dims dims = array.shape().dims();
  dims.front() = std::ssize(indices);
  ir::Literal result = ir::Literal::uninitialized({array.dtype(), ir::Shape(dims)});
  const std::int64_t bytes =
      ir::product(std::span(dims).subspan(1)) * static_cast<std::int64_t>(size_of(array.dtype()));
  if (bytes == 0) return result;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::memcpy(result.bytes() + static_cast<std::int64_t>(i) * bytes,
                array.bytes() + indices[i] * bytes, static_cast<std::size_t>(bytes));
  }
  return result;
}

class Rows : public Dataset {
 public:
  explicit Rows(std::vector<ir::Literal> arrays) {
    for (const ir::Literal& array : arrays) arrays_.push_back(array.dense());
  }
  std::int64_t size() const override { return arrays_.empty() ? 0 : arrays_.front().shape()[0]; }
  std::vector<ir::Literal> batch(std::span<const std::int64_t> indices) const override {
    std::vector<ir::Literal> result;
    for (const ir::Literal& array : arrays_) result.push_back(rows(array, indices));
    return result;
  }

 private:
  std::vector<ir::Literal> arrays_;
};

class Mnist : public Dataset {
 public:
  Mnist(ir::Literal images, ir::Literal labels)
      : images_(std::move(images)), labels_(std::move(labels)) {}
  std::int64_t size() const override { return labels_.size(); }
  std::vector<ir::Literal> batch(std::span<const std::int64_t> indices) const override {
    const ir::Literal pixels = rows(images_, indices);
    ir::Literal scaled = ir::Literal::uninitialized({DType::kF32, pixels.shape()});
    const auto* from = pixels.data<std::uint8_t>();
    auto* to = scaled.mutable_data<float>();
    for (std::int64_t i = 0; i < pixels.size(); ++i) to[i] = static_cast<float>(from[i]) / 255;
    return {scaled, ir::converted(rows(labels_, indices), DType::kI32)};
  }

 private:
  ir::Literal images_;
  ir::Literal labels_;
};

}  // namespace

std::shared_ptr<const Dataset> rows_of(std::vector<ir::Literal> arrays) {
  for (const ir::Literal& array : arrays) {
    const ir::Shape& first = arrays.front().shape();
    if (array.shape().rank() == 0 || array.shape()[0] != first[0]) {
      throw_error<ShapeError>("rows_of: {} and {} have not the same number of rows",
                              arrays.front().type().to_string(), array.type().to_string());
    }
  }
  return std::make_shared<const Rows>(std::move(arrays));
}

std::shared_ptr<const Dataset> mnist(const std::string& images, const std::string& labels) {
  ir::Literal pixels = read_idx(images);
  ir::Literal classes = read_idx(labels);
  if (pixels.dtype() != DType::kU8 || pixels.shape().rank() != 3) {
    throw_error<IoError>("{}: holds {}, not images u8[N, height, width]", images,
                         pixels.type().to_string());
  }
  if (classes.type() != ir::TensorType{DType::kU8, ir::Shape({pixels.shape()[0]})}) {
    throw_error<IoError>("{}: holds {}, not labels u8[{}] for the images of {}", labels,
                         classes.type().to_string(), pixels.shape()[0], images);
  }
  return std::make_shared<const Mnist>(std::move(pixels), std::move(classes));
}

// Prepares the batches of one pass, in order, a few ahead.
class DataLoader::Pass::Worker {
 public:
  Worker(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> order,
         std::int64_t batches, const DataLoaderOptions& options)
      : dataset_(std::move(dataset)),
        order_(std::move(order)),
        batches_(batches),
        batch_size_(options.batch_size),
        prefetch_(static_cast<std::size_t>(options.prefetch)),
        thread_([this] { run(); }) {}

  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // The next batch; nothing at the end. Throws what preparing it threw.
  std::vector<ir::Literal> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || is_finished_; });
    if (ready_.empty()) {
      if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
      return {};
    }
    std::vector<ir::Literal> batch = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return batch;
  }

 private:
  void run() {
    for (std::int64_t i = 0; i < batches_; ++i) {
      std::vector<ir::Literal> batch;
      std::exception_ptr error;
      const auto first = static_cast<std::size_t>(i * batch_size_);
      const std::size_t count =
          std::min(static_cast<std::size_t>(batch_size_), order_.size() - first);
      try {
        batch = dataset_->batch(std::span(order_).subspan(first, count));
      } catch (...) {
        error = std::current_exception();
      }
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ready_.size() < prefetch_ || is_stopped_; });
      if (is_stopped_) return;
      if (error) {
        error_ = error;
        break;
      }
      ready_.push_back(std::move(batch));
      lock.unlock();
      changed_.notify_all();
    }
    {
      const std::lock_guard lock(mutex_);
      is_finished_ = true;
    }
    changed_.notify_all();
  }

  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> order_;
  std::int64_t batches_;
  std::int64_t batch_size_;
  std::size_t prefetch_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<ir::Literal>> ready_;
  std::exception_ptr error_;
  bool is_stopped_ = false;
  bool is_finished_ = false;
  std::thread thread_;  // last, because it uses all of the above
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, const DataLoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options) {
  if (options_.batch_size < 1 || options_.prefetch < 1) {
    throw_error<UsageError>("DataLoader: batch_size is {} and prefetch {}; both are 1 or more",
                            options_.batch_size, options_.prefetch);
  }
}

std::int64_t DataLoader::size() const {
  const std::int64_t full = dataset_->size() / options_.batch_size;
  const bool has_rest = dataset_->size() % options_.batch_size != 0;
  return full + (has_rest && !options_.drop_last ? 1 : 0);
}

DataLoader::Pass DataLoader::begin() {
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset_->size()));
  std::iota(order.begin(), order.end(), 0);
  if (options_.shuffle) {
    // R. Fisher, F. Yates; with 64 random bits a draw no order is noticeably likelier.
    std::uint64_t state = mix_bits(static_cast<std::uint64_t>(options_.seed)) + passes_;
    state = mix_bits(state);
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[mix_bits(state + i) % i]);
    }
  }
  ++passes_;
  return Pass(std::make_unique<Pass::Worker>(dataset_, std::move(order), size(), options_));
}

DataLoader::Pass::Pass(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) { ++*this; }
DataLoader::Pass::Pass(Pass&&) noexcept = default;
DataLoader::Pass& DataLoader::Pass::operator=(Pass&&) noexcept = default;
DataLoader::Pass::~Pass() = default;

DataLoader::Pass& DataLoader::Pass::operator++() {
  batch_.clear();
  const std::vector<ir::Literal> arrays = worker_->next();
  is_done_ = arrays.empty();
  for (const ir::Literal& array : arrays)
    batch_.emplace_back(array, TensorOptions{.requires_grad = false});
  return *this;
}

}  // namespace ndl::data
