// Data to learn from, in batches.
//
//   data::DataLoader loader(data::mnist(images, labels), {.batch_size = 64, .shuffle = true});
//   for (const std::vector<Tensor>& batch : loader) step(batch[0], batch[1]);
//
// While one batch is worked on, a thread of the loader prepares the next ones.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/literal.h"
#include "needle/tensor.h"

namespace ndl::data {

class Dataset {
 public:
  virtual ~Dataset() = default;
  // How many items there are.
  virtual std::int64_t size() const = 0;
  // Those items, the arrays of each stacked along a new first axis. The indices are in [0, size()).
  // Called by the loader's thread, by one at a time.
  virtual std::vector<ir::Literal> batch(std::span<const std::int64_t> indices) const = 0;
};

// Rows of arrays: item i is (arrays[0][i], arrays[1][i], ...). Throws ShapeError unless all have
// the same number of rows.
std::shared_ptr<const Dataset> rows_of(std::vector<ir::Literal> arrays);

// Images u8[N, height, width] and labels u8[N] of IDX files, as f32[n, height, width] in [0, 1] and
// i32[n]. Throws what read_idx() throws, and IoError for files that do not fit.
std::shared_ptr<const Dataset> mnist(const std::string& images, const std::string& labels);

struct DataLoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;       // in another order each time
  std::int64_t seed = 0;      // of the orders
  bool drop_last = false;     // a last batch that is not full
  std::int64_t prefetch = 2;  // batches that are prepared ahead
};

class DataLoader {
 public:
  // Throws UsageError for a batch size or a number of batches ahead below 1.
  explicit DataLoader(std::shared_ptr<const Dataset> dataset,
                      const DataLoaderOptions& options = {});

  // Batches in one pass over the data.
  std::int64_t size() const;

  // One pass: an input iterator, like those of <ranges>. What the data set throws is thrown where
  // the batch is asked for.
  class Pass;
  Pass begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const Dataset> dataset_;
  DataLoaderOptions options_;
  std::uint64_t passes_ = 0;
};

class DataLoader::Pass {
 public:
  using value_type = std::vector<Tensor>;
  using difference_type = std::ptrdiff_t;

  Pass(Pass&&) noexcept;
  Pass& operator=(Pass&&) noexcept;
  ~Pass();

  // One tensor for each array of an item; they require no gradient.
  const std::vector<Tensor>& operator*() const { return batch_; }
  Pass& operator++();
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return is_done_; }

 private:
  friend class DataLoader;
  class Worker;

  explicit Pass(std::unique_ptr<Worker> worker);

  std::unique_ptr<Worker> worker_;
  std::vector<Tensor> batch_;
  bool is_done_ = false;
};

}  // namespace ndl::data
