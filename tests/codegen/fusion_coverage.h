// Which ops, on which dtypes, have been where in kernels: counted over graphs as they are compiled.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/dtype.h"
#include "ir/graph.h"
#include "ir/op.h"

namespace ndl::codegen {

// Where an op is. In a fusion it may be in several places.
enum class FusionKind : std::uint8_t {
  kAlone,          // in no fusion, or the only op of one
  kProducer,       // its result is an operand of another op of the fusion
  kConsumer,       // an operand is a result of another op of the fusion
  kSibling,        // it shares nothing with the others but the kernel
  kIntoReduction,  // what is made of its result is reduced in the fusion
  kOutOfReduction  // an operand is made of what has been reduced in the fusion
};
inline constexpr int kFusionKinds = 6;

class FusionCoverage {
 public:
  // Counts the ops of a graph and of its fusions.
  void add(const ir::Graph& graph);

  // Every op x dtype x kind that there can be and has not been: "exp of f16 as producer".
  std::vector<std::string> uncovered() const;
  // A row an op, a column a kind: the dtypes covered, of those that can be, and the least count.
  std::string to_string() const;

 private:
  using Cell = std::tuple<ir::Op, DType, FusionKind>;

  void add_fusion(const ir::Graph& body);
  std::int64_t count(const Cell& cell) const;

  std::map<Cell, std::int64_t> counts_;
};

}  // namespace ndl::codegen
