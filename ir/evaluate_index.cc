// The meaning of the ops that index and sort.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/sort_order.h"
#include "ir/convert_elements.h"
#include "ir/evaluate.h"
#include "ir/math/arithmetic.h"

namespace ndl::ir {
namespace {

// A literal seen as [outer, extent, inner] around one axis.
struct AxisView {
  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;

  AxisView(const Shape& shape, std::int64_t axis)
      : outer(product(std::span(shape.dims()).first(static_cast<std::size_t>(axis)))),
        extent(shape[static_cast<std::size_t>(axis)]),
        inner(product(std::span(shape.dims()).subspan(static_cast<std::size_t>(axis) + 1))) {}
};

// Copies elements that lie side by side; the cases are those in which a call would cost most.
void copy_run(std::byte* target, const std::byte* source, std::size_t bytes) {
  switch (bytes) {
    case 1:
      std::memcpy(target, source, 1);
      break;
    case 2:
      std::memcpy(target, source, 2);
      break;
    case 4:
      std::memcpy(target, source, 4);
      break;
    case 8:
      std::memcpy(target, source, 8);
      break;
    default:
      std::memcpy(target, source, bytes);
  }
}

// x is [batch, outer, extent, inner], indices [batch, count], and what is gathered, or scattered,
// [batch, outer, count, inner].
struct IndexedAxis {
  std::int64_t batch;
  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
  std::int64_t count;
  Literal index_data;  // i64

  // Throws IndexError for the first index that is out of range.
  explicit IndexedAxis(const Evaluation& e) : index_data(converted(e.operands[1], DType::kI64)) {
    const std::int64_t axis = e.attributes.integer(Attr::kAxis);
    const auto batch_dims = static_cast<std::size_t>(e.attributes.integer(Attr::kBatchDims));
    const AxisView view(e.shape(0), axis);
    const std::span batches = std::span(e.shape(1).dims()).first(batch_dims);
    batch = product(batches);
    outer = product(std::span(e.shape(0).dims())
                        .subspan(batch_dims, static_cast<std::size_t>(axis) - batch_dims));
    extent = view.extent;
    inner = view.inner;
    count = product(std::span(e.shape(1).dims()).subspan(batch_dims));
    for (std::int64_t i = 0; i < index_data.size(); ++i) {
      const std::int64_t index = index_data.data<std::int64_t>()[i];
      if (index >= 0 && index < extent) continue;
      throw_error<IndexError>(
          "{}: index {} at position {} is out of range for axis {} of extent {}", e.def.name, index,
          i, axis, extent);
    }
  }

  // f(position in x, position in the gathered), in rows of `inner` elements: for each row of x in
  // the order of the indices.
  template <class F>
  void for_each_row(F&& f) const {
    const auto* indices = index_data.data<std::int64_t>();
    std::int64_t position = 0;
    for (std::int64_t b = 0; b < batch; ++b, indices += count) {
      for (std::int64_t o = 0; o < outer; ++o) {
        const std::int64_t row = (b * outer + o) * extent;
        for (std::int64_t i = 0; i < count; ++i) f(row + indices[i], position++);
      }
    }
  }
};

std::vector<Literal> index_of_extremum(const Evaluation& e, bool largest) {
  const Literal& x = e.operands[0];
  const AxisView view(x.shape(), e.attributes.integer(Attr::kAxis));
  Literal result = Literal::uninitialized(e.result.tensor());
  if (result.size() == 0) return {std::move(result)};  // other axes may be of any extent
  visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
    using C = decltype(comparable(T{}));
    const auto wins = [&](C a, C best) {
      return !is_nan(best) && (is_nan(a) || (largest ? a > best : a < best));
    };
    auto* index = result.mutable_data<std::int64_t>();
    const T* line = x.data<T>();
    for (std::int64_t o = 0; o < view.outer; ++o, index += view.inner) {
      std::fill_n(index, view.inner, 0);
      const T* values = line;
      for (std::int64_t i = 0; i < view.extent; ++i, values += view.inner) {
        for (std::int64_t j = 0; j < view.inner; ++j) {
          const C best = comparable(line[index[j] * view.inner + j]);
          if (wins(comparable(values[j]), best)) index[j] = i;
        }
      }
      line = values;
    }
  });
  return {std::move(result)};
}

// Calls f(line, permutation) for each line of `keys` along the axis: the positions of its elements
// in sorted order. Line (outer, inner) is number outer * view.inner + inner.
template <class T, class F>
void sort_lines(const T* keys, const AxisView& view, bool descending, F&& f) {
  using Key = decltype(comparable(T{}));
  using Entry = std::pair<Key, std::int64_t>;
  const auto before = [descending](const Entry& a, const Entry& b) {
    return sorts_before(a.first, a.second, b.first, b.second, descending);
  };
  std::vector<Entry> entries(static_cast<std::size_t>(view.extent));
  for (std::int64_t line = 0; line < view.outer * view.inner; ++line) {
    const T* key = keys + line / view.inner * view.extent * view.inner + line % view.inner;
    for (std::int64_t i = 0; i < view.extent; ++i) {
      entries[static_cast<std::size_t>(i)] = {comparable(key[i * view.inner]), i};
    }
    std::sort(entries.begin(), entries.end(), before);
    f(line, entries);
  }
}

}  // namespace

std::vector<Literal> evaluate_gather(const Evaluation& e) {
  const IndexedAxis indexed(e);
  Literal result = Literal::uninitialized(e.result.tensor());
  if (result.size() == 0) return {std::move(result)};
  const std::byte* x = e.operands[0].bytes();
  const std::int64_t bytes = indexed.inner * static_cast<std::int64_t>(size_of(result.dtype()));
  indexed.for_each_row([&](std::int64_t from, std::int64_t to) {
    copy_run(result.bytes() + to * bytes, x + from * bytes, static_cast<std::size_t>(bytes));
  });
  return {std::move(result)};
}

std::vector<Literal> evaluate_scatter_add(const Evaluation& e) {
  const IndexedAxis indexed(e);
  const Literal& x = e.operands[0];
  if (e.operands[2].size() == 0) return {x};
  Literal result;
  visit_accumulator(x.dtype(), [&]<class A>(std::type_identity<A>) {
    const Literal updates = converted(e.operands[2], dtype_of<A>);
    Literal sums = Literal::uninitialized({dtype_of<A>, x.shape()});
    load_elements(x.dtype(), x.bytes(), sums.mutable_data<A>(), x.size());
    indexed.for_each_row([&](std::int64_t to, std::int64_t from) {
      A* sum = sums.mutable_data<A>() + to * indexed.inner;
      const A* update = updates.data<A>() + from * indexed.inner;
      for (std::int64_t j = 0; j < indexed.inner; ++j) sum[j] = math::add(sum[j], update[j]);
    });
    result = converted(sums, x.dtype());
  });
  return {std::move(result)};
}

std::vector<Literal> evaluate_argmax(const Evaluation& e) { return index_of_extremum(e, true); }
std::vector<Literal> evaluate_argmin(const Evaluation& e) { return index_of_extremum(e, false); }

std::vector<Literal> evaluate_sort(const Evaluation& e) {
  const AxisView view(e.shape(0), e.attributes.integer(Attr::kAxis));
  std::vector<Literal> results;
  for (const TensorType& type : e.result.elements())
    results.push_back(Literal::uninitialized(type));
  if (e.operands[0].size() == 0) return results;
  visit_dtype(e.dtype(0), [&]<class T>(std::type_identity<T>) {
    const auto permute = [&](std::int64_t line, const auto& entries) {
      const std::int64_t begin = line / view.inner * view.extent * view.inner + line % view.inner;
      for (std::size_t k = 0; k < results.size(); ++k) {
        const std::size_t width = size_of(results[k].dtype());
        const auto place = [&](std::int64_t i) {
          return static_cast<std::size_t>(begin + i * view.inner) * width;
        };
        std::byte* target = results[k].bytes();
        const std::byte* source = e.operands[k].bytes();
        for (std::size_t i = 0; i < entries.size(); ++i) {
          copy_run(target + place(static_cast<std::int64_t>(i)), source + place(entries[i].second),
                   width);
        }
      }
    };
    sort_lines(e.operands[0].data<T>(), view, e.attributes.boolean(Attr::kDescending), permute);
  });
  return results;
}

}  // namespace ndl::ir
