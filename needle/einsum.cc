// 1. Parse the equation: a list of labels for each operand and for the result.
// 2. Bring each operand to distinct labels, with only those that are still needed.
// 3. Multiply the operands, two at a time: labels of both that are still needed are batches, labels
//    of both that are not are summed.
// 4. Put the axes of the result in order.
#include "needle/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "needle/elementwise.h"
#include "needle/reduction.h"
#include "needle/shaping.h"

namespace ndl {
namespace {

// A letter, or an axis of "...": -1 is the last of those.
using Label = int;
using Labels = std::vector<Label>;

bool contains(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) != labels.end();
}

// An operand, and the label of each of its axes.
struct Term {
  Tensor tensor;
  Labels labels;

  std::int64_t axis(Label label) const { return std::ranges::find(labels, label) - labels.begin(); }
  std::int64_t extent(Label label) const {
    return tensor.shape()[static_cast<std::size_t>(axis(label))];
  }
};

class Einsum {
 public:
  Einsum(std::string_view equation, std::span<const Tensor> operands,
         const std::source_location& at)
      : equation_(equation), at_(at) {
    parse(operands);
    find_extents();
  }

  Tensor run() {
    for (Term& term : terms_) {
      drop_stretched(term);
      take_diagonals(term);
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) sum_what_nobody_needs(i);
    Term result = terms_.front();
    for (std::size_t i = 1; i < terms_.size(); ++i) {
      result = product(result, terms_[i], i + 1);
    }
    return arranged(result, result_);
  }

 private:
  template <class E, class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw E(Diagnostic{to_location(at_),
                       fmt::format("einsum \"{}\": {}", excerpt(equation_),
                                   fmt::format(format, std::forward<Args>(args)...)),
                       ""});
  }

  // The labels that the text names, "..." being `dots` axes.
  Labels parse_labels(std::string_view text, std::int64_t dots) const {
    Labels labels;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (std::isalpha(static_cast<unsigned char>(text[i])) != 0) {
        labels.push_back(text[i]);
      } else if (text.substr(i).starts_with("...") && dots >= 0) {
        for (std::int64_t k = dots; k > 0; --k) labels.push_back(static_cast<Label>(-k));
        dots = -1;
        i += 2;
      } else if (text[i] != ' ') {
        fail<ParseError>("'{}' is neither a letter nor \"...\", once an operand",
                         excerpt(text.substr(i, 1)));
      }
    }
    return labels;
  }

  void parse(std::span<const Tensor> operands) {
    const std::size_t arrow = equation_.find("->");
    const std::vector<std::string_view> parts = split(equation_.substr(0, arrow), ',');
    if (parts.size() != operands.size()) {
      fail<ShapeError>("{} operands for {} tensors", parts.size(), operands.size());
    }
    std::int64_t most_dots = 0;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const auto letters =
          std::ranges::count_if(parts[i], [](unsigned char c) { return std::isalpha(c) != 0; });
      const bool has_dots = parts[i].find("...") != std::string_view::npos;
      const std::int64_t dots = static_cast<std::int64_t>(operands[i].rank()) - letters;
      if (dots < 0 || (dots > 0 && !has_dots)) {
        fail<ShapeError>("'{}' names {} axes of {}", trim(parts[i]), letters,
                         operands[i].type().to_string());
      }
      most_dots = std::max(most_dots, dots);
      terms_.push_back({operands[i], parse_labels(parts[i], dots)});
    }
    promote(operands);
    if (arrow != std::string_view::npos) {
      result_ = parse_labels(equation_.substr(arrow + 2), most_dots);
      for (const Label label : result_) {
        if (std::ranges::count(result_, label) > 1) {
          fail<ParseError>("'{}' is twice in the result", static_cast<char>(label));
        }
      }
      return;
    }
    for (std::int64_t k = most_dots; k > 0; --k) result_.push_back(static_cast<Label>(-k));
    std::map<Label, int> counts;
    for (const Term& term : terms_) {
      for (const Label label : term.labels) ++counts[label];
    }
    for (const auto& [label, count] : counts) {
      if (label > 0 && count == 1) result_.push_back(label);
    }
  }

  void promote(std::span<const Tensor> operands) {
    std::vector<OperandDType> dtypes;
    for (const Tensor& operand : operands) dtypes.push_back({operand.dtype()});
    const DType dtype = ndl::promote(dtypes);
    for (Term& term : terms_) term.tensor = astype(Operand(term.tensor, at_), dtype);
  }

  void find_extents() {
    for (const Term& term : terms_) {
      for (std::size_t i = 0; i < term.labels.size(); ++i) {
        const std::int64_t extent = term.tensor.shape()[i];
        const auto [known, is_new] = extents_.try_emplace(term.labels[i], extent);
        if (is_new || known->second == extent || extent == 1) continue;
        if (known->second != 1) {
          fail<ShapeError>("axis '{}' has extents {} and {}", name_of(term.labels[i]),
                           known->second, extent);
        }
        known->second = extent;
      }
    }
    for (const Label label : result_) {
      if (!extents_.contains(label)) {
        fail<ParseError>("'{}' is in the result and in no operand", name_of(label));
      }
    }
  }

  static std::string name_of(Label label) {
    return label > 0 ? std::string(1, static_cast<char>(label)) : "...";
  }

  // An axis of extent 1 that others stretch is as good as none.
  void drop_stretched(Term& term) const {
    ir::Dims dims;
    Labels kept;
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      const std::int64_t extent = term.tensor.shape()[i];
      if (extent == 1 && extents_.at(term.labels[i]) != 1) continue;
      dims.push_back(extent);
      kept.push_back(term.labels[i]);
    }
    if (kept.size() == term.labels.size()) return;
    term.tensor = reshape(Operand(term.tensor, at_), dims);
    term.labels = kept;
  }

  // Axes of one label become one axis: what is off the diagonal is 0, and summed over.
  void take_diagonals(Term& term) const {
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      for (std::size_t k = term.labels.size() - 1; k > i; --k) {
        if (term.labels[k] != term.labels[i]) continue;
        const ir::Shape& shape = term.tensor.shape();
        const Tensor row = iota(shape, static_cast<std::int64_t>(i), DType::kI32, at_);
        const Tensor column = iota(shape, static_cast<std::int64_t>(k), DType::kI32, at_);
        const Tensor diagonal = where(Operand(eq(Operand(row, at_), column), at_), term.tensor, 0);
        term.tensor = sum(Operand(diagonal, at_), static_cast<std::int64_t>(k));
        term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(k));
      }
    }
  }

  // Whether the result, or an operand behind the `last`th, has the label.
  bool is_needed_after(Label label, std::size_t last) const {
    if (contains(result_, label)) return true;
    return std::ranges::any_of(terms_.begin() + static_cast<std::ptrdiff_t>(last), terms_.end(),
                               [&](const Term& term) { return contains(term.labels, label); });
  }

  // Sums what is in the `own`th operand and nowhere else.
  void sum_what_nobody_needs(std::size_t own) {
    Term& term = terms_[own];
    std::vector<std::int64_t> axes;
    Labels kept;
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      bool is_elsewhere = contains(result_, term.labels[i]);
      for (std::size_t k = 0; k < terms_.size(); ++k) {
        is_elsewhere |= k != own && contains(terms_[k].labels, term.labels[i]);
      }
      if (is_elsewhere) {
        kept.push_back(term.labels[i]);
      } else {
        axes.push_back(static_cast<std::int64_t>(i));
      }
    }
    if (axes.empty()) return;
    term.tensor = sum(Operand(term.tensor, at_), Axes(axes));
    term.labels = kept;
  }

  // The axes in the order of `labels`; those that the term lacks have extent 1.
  Tensor arranged(const Term& term, const Labels& labels) const {
    ir::Dims permutation;
    ir::Dims dims;
    for (const Label label : labels) {
      const bool has = contains(term.labels, label);
      if (has) permutation.push_back(term.axis(label));
      dims.push_back(has ? term.extent(label) : 1);
    }
    const Tensor moved = transpose(Operand(term.tensor, at_), permutation);
    return reshape(Operand(moved, at_), dims);
  }

  std::int64_t size_of(const Labels& labels) const {
    std::int64_t size = 1;
    for (const Label label : labels) size *= extents_.at(label);
    return size;
  }

  Term product(const Term& a, const Term& b, std::size_t next) const {
    Labels batches;
    Labels summed;
    Labels rows;
    Labels columns;
    for (const Label label : a.labels) {
      if (!contains(b.labels, label)) {
        rows.push_back(label);
      } else {
        (is_needed_after(label, next) ? batches : summed).push_back(label);
      }
    }
    for (const Label label : b.labels) {
      if (!contains(a.labels, label)) columns.push_back(label);
    }
    const auto joined = [](const Labels& x, const Labels& y, const Labels& z) {
      Labels all = x;
      all.insert(all.end(), y.begin(), y.end());
      all.insert(all.end(), z.begin(), z.end());
      return all;
    };
    const Labels labels = joined(batches, rows, columns);
    if (summed.empty()) {
      const Tensor left = arranged(a, labels);
      return {mul(Operand(left, at_), Operand(arranged(b, labels), at_)), labels};
    }
    const std::int64_t batch = size_of(batches);
    const std::int64_t inner = size_of(summed);
    const Tensor left = reshape(Operand(arranged(a, joined(batches, rows, summed)), at_),
                                {batch, size_of(rows), inner});
    const Tensor right = reshape(Operand(arranged(b, joined(batches, summed, columns)), at_),
                                 {batch, inner, size_of(columns)});
    const Tensor matrices = matmul(Operand(left, at_), Operand(right, at_));
    ir::Dims dims;
    for (const Label label : labels) dims.push_back(extents_.at(label));
    return {reshape(Operand(matrices, at_), dims), labels};
  }

  std::string_view equation_;
  const std::source_location& at_;
  std::vector<Term> terms_;
  Labels result_;
  std::map<Label, std::int64_t> extents_;
};

}  // namespace

Tensor einsum(std::string_view equation, std::span<const Tensor> operands,
              const std::source_location& at) {
  require_tensors(operands, "einsum", at);
  return Einsum(equation, operands, at).run();
}

Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands,
              const std::source_location& at) {
  return einsum(equation, std::span(operands.begin(), operands.size()), at);
}

}  // namespace ndl
