#include "tests/codegen/fusion_coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

namespace ndl::codegen {
namespace {

using ir::Graph;
using ir::Op;
using ir::OpDef;
using ir::Value;

constexpr std::array<std::string_view, kFusionKinds> kNames = {
    "alone", "producer", "consumer", "sibling", "into reduction", "out of reduction"};

// Whether the op computes something: others pass values on.
bool computes(const OpDef& def) { return def.evaluate != nullptr || def.expand != nullptr; }

// The dtype of which the table allows some: that of the first operand, of an elementwise op of the
// last, else of the result.
DType dtype_of_use(const Graph& graph, Value value) {
  const auto operands = graph.operands(value);
  if (operands.empty()) return graph.type(value).dtype();
  return graph.type(graph.def(value).is_elementwise() ? operands.back() : operands.front()).dtype();
}

bool can_be(const OpDef& def, FusionKind kind) {
  const bool needs_operand = kind == FusionKind::kConsumer || kind == FusionKind::kOutOfReduction;
  return computes(def) && !(needs_operand && def.operands.empty());
}

std::vector<DType> dtypes_of(const OpDef& def) {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypeCount; ++i) {
    if (def.dtypes.contains(static_cast<DType>(i))) dtypes.push_back(static_cast<DType>(i));
  }
  return dtypes;
}

}  // namespace

void FusionCoverage::add(const Graph& graph) {
  const std::vector<bool> live = graph.live_nodes();
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!live[id]) continue;
    if (graph.op({id}) == Op::kFusion) {
      add_fusion(*graph.attributes({id}).region(ir::Attr::kBody));
    } else if (computes(graph.def({id}))) {
      ++counts_[{graph.op({id}), dtype_of_use(graph, {id}), FusionKind::kAlone}];
    }
  }
}

void FusionCoverage::add_fusion(const Graph& body) {
  const std::vector<bool> live = body.live_nodes();
  // What a value depends on, and what depends on it, among the ops that compute.
  struct Place {
    bool after_op = false;
    bool before_op = false;
    bool after_reduction = false;
    bool before_reduction = false;
  };
  std::vector<Place> places(body.size());
  std::int64_t ops = 0;
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (!live[id]) continue;
    ops += computes(body.def({id})) ? 1 : 0;
    for (const Value operand : body.operands({id})) {
      const Place& before = places[operand.id];
      places[id].after_op |= computes(body.def(operand)) || before.after_op;
      places[id].after_reduction |= body.op(operand) == Op::kReduce || before.after_reduction;
    }
  }
  for (auto id = static_cast<std::uint32_t>(body.size()); id-- > 0;) {
    if (!live[id]) continue;
    for (const Value operand : body.operands({id})) {
      Place& before = places[operand.id];
      before.before_op |= computes(body.def({id})) || places[id].before_op;
      before.before_reduction |= body.op({id}) == Op::kReduce || places[id].before_reduction;
    }
  }
  for (std::uint32_t id = 0; id < body.size(); ++id) {
    if (!live[id] || !computes(body.def({id}))) continue;
    const auto count = [&](bool is_there, FusionKind kind) {
      if (is_there) ++counts_[{body.op({id}), dtype_of_use(body, {id}), kind}];
    };
    const Place& place = places[id];
    const bool is_apart = !place.after_op && !place.before_op;
    count(is_apart && ops == 1, FusionKind::kAlone);
    count(is_apart && ops > 1, FusionKind::kSibling);
    count(place.before_op, FusionKind::kProducer);
    count(place.after_op, FusionKind::kConsumer);
    count(place.before_reduction, FusionKind::kIntoReduction);
    count(place.after_reduction, FusionKind::kOutOfReduction);
  }
}

std::int64_t FusionCoverage::count(const Cell& cell) const {
  const auto it = counts_.find(cell);
  return it != counts_.end() ? it->second : 0;
}

std::vector<std::string> FusionCoverage::uncovered() const {
  std::vector<std::string> cells;
  for (const OpDef& def : ir::all_ops()) {
    for (int k = 0; k < kFusionKinds; ++k) {
      const auto kind = static_cast<FusionKind>(k);
      if (!can_be(def, kind)) continue;
      for (const DType dtype : dtypes_of(def)) {
        if (count({def.op, dtype, kind}) != 0) continue;
        cells.push_back(fmt::format("{} of {} as {}", def.name, name_of(dtype),
                                    kNames[static_cast<std::size_t>(k)]));
      }
    }
  }
  return cells;
}

std::string FusionCoverage::to_string() const {
  std::string text = fmt::format("{:22}", "covered/dtypes, least");
  for (const std::string_view name : kNames) text += fmt::format("{:>18}", name);
  text += '\n';
  for (const OpDef& def : ir::all_ops()) {
    if (!computes(def)) continue;
    text += fmt::format("{:22}", def.name);
    for (int k = 0; k < kFusionKinds; ++k) {
      const auto kind = static_cast<FusionKind>(k);
      if (!can_be(def, kind)) {
        text += fmt::format("{:>18}", "-");
        continue;
      }
      std::int64_t covered = 0;
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      const std::vector<DType> dtypes = dtypes_of(def);
      for (const DType dtype : dtypes) {
        const std::int64_t n = count({def.op, dtype, kind});
        covered += n != 0 ? 1 : 0;
        least = std::min(least, n);
      }
      text += fmt::format("{:>18}", fmt::format("{}/{} {:>4}", covered, dtypes.size(), least));
    }
    text += '\n';
  }
  return text;
}

}  // namespace ndl::codegen
