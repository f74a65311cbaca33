// 1. Read the entries against the axes: what to slice, which axes to turn round, and the extents of
//    the result.
// 2. Record what changes something.
#include "needle/index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "needle/indexing.h"
#include "needle/shaping.h"
#include "needle/tensor.h"
#include "needle/trace_scope.h"

namespace ndl {
namespace {

class Indexing {
 public:
  Indexing(const ir::Shape& shape, const Indices& indices) : shape_(shape), at_(indices.at) {
    std::size_t left = shape.rank();
    for (const Index& index : indices.entries) {
      if (std::holds_alternative<Ellipsis>(index.entry)) {
        if (has_ellipsis_) fail<ShapeError>("[]: more than one ellipsis");
        has_ellipsis_ = true;
      } else if (!std::holds_alternative<NewAxis>(index.entry)) {
        if (left == 0) fail<ShapeError>(fmt::format("[]: too many indices for {}", name()));
        --left;
      }
    }
    whole_ = left;
    for (const Index& index : indices.entries) {
      std::visit([this](const auto& entry) { add(entry); }, index.entry);
    }
    while (axis_ < shape.rank()) add(kAll);
  }

  Tensor apply(const Tensor& x) {
    Tensor y = limit_ == shape_.dims() && start_ == ir::Dims(shape_.rank(), 0) && has_unit_strides()
                   ? x
                   : part(x);
    if (!reversed_.empty()) y = flip(Operand(y, at_), std::move(reversed_));
    if (dims_ != y.shape().dims()) y = reshape(Operand(y, at_), std::move(dims_));
    return y;
  }

 private:
  bool has_unit_strides() const { return stride_ == ir::Dims(shape_.rank(), 1); }

  Tensor part(const Tensor& x) const {
    const Operand operand(x, at_);
    if (current_trace() != 0 || !has_unit_strides()) return slice(operand, start_, limit_, stride_);
    ir::Dims extents;
    for (std::size_t i = 0; i < limit_.size(); ++i) extents.push_back(limit_[i] - start_[i]);
    const Tensor start(start_, {.requires_grad = false});
    return dynamic_slice(operand, Operand(start, at_), ir::Shape(std::move(extents)));
  }

  template <class E>
  [[noreturn]] void fail(const std::string& message) const {
    throw E(Diagnostic{to_location(at_), message, ""});
  }
  std::string name() const { return fmt::format("the shape {}", shape_.to_string()); }

  void take(std::int64_t start, std::int64_t limit, std::int64_t stride) {
    start_.push_back(start);
    limit_.push_back(limit);
    stride_.push_back(stride);
    ++axis_;
  }

  void add(std::int64_t index) {
    const std::int64_t extent = shape_[axis_];
    if (index < -extent || index >= extent) {
      fail<IndexError>(fmt::format("[]: index {} is out of range for axis {} of extent {}", index,
                                   axis_, extent));
    }
    if (index < 0) index += extent;
    take(index, index + 1, 1);
  }

  void add(const Range& range) {
    const std::int64_t extent = shape_[axis_];
    const std::int64_t step = range.step;
    if (step == 0) fail<ShapeError>("[]: the step of a range is 0");
    const bool is_backward = step < 0;
    // Backwards the end is the place before the first element.
    const std::int64_t least = is_backward ? -1 : 0;
    const std::int64_t most = is_backward ? extent - 1 : extent;
    const auto place = [&](std::optional<std::int64_t> at, std::int64_t otherwise) {
      if (!at) return otherwise;
      return std::clamp(*at < 0 ? *at + extent : *at, least, most);
    };
    const std::int64_t start = place(range.start, is_backward ? most : least);
    const std::int64_t stop = place(range.stop, is_backward ? least : most);
    const std::int64_t distance = is_backward ? start - stop : stop - start;
    // A step longer than the axis takes one element; it has no larger magnitude than that.
    const std::int64_t stride = is_backward ? -std::max(step, -std::max(extent, std::int64_t{1}))
                                            : std::min(step, std::max(extent, std::int64_t{1}));
    const std::int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    if (is_backward && count > 1) {
      reversed_.push_back(static_cast<std::int64_t>(axis_));
    }
    dims_.push_back(count);
    if (count == 0) return take(0, 0, 1);
    const std::int64_t first = is_backward ? start - (count - 1) * stride : start;
    take(first, first + (count - 1) * stride + 1, count > 1 ? stride : 1);
  }

  void add(NewAxis) { dims_.push_back(1); }

  void add(Ellipsis) {
    for (std::size_t i = 0; i < whole_; ++i) add(kAll);
  }

  const ir::Shape& shape_;
  const std::source_location& at_;
  bool has_ellipsis_ = false;
  std::size_t whole_ = 0;  // axes without an entry
  std::size_t axis_ = 0;   // the next one
  ir::Dims start_, limit_, stride_;
  ir::Dims reversed_;
  ir::Dims dims_;  // of the result
};

}  // namespace

Tensor Tensor::operator[](const Indices& indices) const {
  return Indexing(shape(), indices).apply(*this);
}

}  // namespace ndl
