#include "tests/random_graph.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "ir/builder.h"
#include "tests/random_op.h"
#include "tests/same_results.h"

namespace ndl::test {
namespace {

using ir::Builder;
using ir::Dims;
using ir::Graph;
using ir::OpDef;
using ir::Shape;
using ir::TensorType;
using ir::Type;
using ir::Value;

constexpr std::int64_t kMostElements = 1 << 12;  // so that running stays cheap
constexpr int kMostDepth = 2;                    // of fusions

class Generator : private Operands {
 public:
  Generator(std::uint64_t seed, int depth) : random_(seed), depth_(depth) {}

  Graph graph(std::span<const Type> parameters, int nodes);
  Graph graph(int nodes);

 private:
  Value any(DTypeSet allowed, std::size_t least_rank) override;
  // One there is, or a new constant.
  Value of_type(const TensorType& type) override;
  Value indices(const TensorType& type, std::int64_t bound) override;
  std::optional<Value> tuple() override;
  TensorType result_type(DTypeSet allowed, std::size_t least_rank) override;
  ir::Region body(std::span<const Type> parameters) override;

  Random random_;
  int depth_;
  Builder* builder_ = nullptr;
};

Value Generator::of_type(const TensorType& wanted) {
  const auto size = static_cast<std::int64_t>(builder_->graph().size());
  for (int tries = 0; tries < 8 && size > 0; ++tries) {
    const Value value{static_cast<std::uint32_t>(random_.below(size))};
    if (builder_->type(value) == Type(wanted)) return value;
  }
  if (random_.one_in(2)) return builder_->constant(wanted, static_cast<double>(random_.below(4)));
  return builder_->constant(random_literal(wanted, random_.bits()));
}

Value Generator::any(DTypeSet allowed, std::size_t least_rank) {
  const auto size = static_cast<std::int64_t>(builder_->graph().size());
  for (int tries = 0; tries < 16 && size > 0; ++tries) {
    const Value value{static_cast<std::uint32_t>(random_.below(size))};
    const Type& candidate = builder_->type(value);
    if (!candidate.is_tuple() && allowed.contains(candidate.dtype()) &&
        candidate.shape().rank() >= least_rank) {
      return value;
    }
  }
  return of_type(result_type(allowed, least_rank));
}

Value Generator::indices(const TensorType& type, std::int64_t bound) {
  if (random_.one_in(8)) return of_type(type);
  return builder_->constant(random_integers(type, 0, bound - 1, random_.bits()));
}

std::optional<Value> Generator::tuple() {
  for (std::uint32_t id = 0; id < builder_->graph().size(); ++id) {
    const Type& candidate = builder_->type(Value{id});
    if (!candidate.is_tuple() || candidate.elements().empty() || random_.one_in(3)) continue;
    return Value{id};
  }
  return std::nullopt;
}

TensorType Generator::result_type(DTypeSet allowed, std::size_t least_rank) {
  Dims dims(static_cast<std::size_t>(random_.between(static_cast<std::int64_t>(least_rank), 3)));
  for (std::int64_t& dim : dims) dim = random_.choose(Dims{0, 1, 1, 2, 3, 3, 5});
  return {random_.dtype(allowed), Shape(dims)};
}

ir::Region Generator::body(std::span<const Type> parameters) {
  if (depth_ >= kMostDepth) return nullptr;
  return std::make_shared<const Graph>(Generator(random_.bits(), depth_ + 1).graph(parameters, 4));
}

Graph Generator::graph(std::span<const Type> parameters, int nodes) {
  Graph result("random");
  Builder builder(result);
  builder_ = &builder;
  for (const Type& parameter : parameters) {
    builder.parameter(parameter, random_.one_in(2) ? "p" : "");
  }
  if (parameters.empty()) of_type(result_type(kAllDTypes, 0));
  for (int made = 0, tries = 0; made < nodes && tries < 20 * nodes; ++tries) {
    const OpDef& def = random_.choose(ir::all_ops());
    std::optional<Value> value;
    try {
      value = random_op(builder, random_, *this, def);
    } catch (const ShapeError&) {
      continue;  // argmax over an empty axis, channels that do not fit, ...
    }
    if (!value) continue;
    if (builder.type(*value).bytes() > kMostElements * 8) break;
    if (random_.one_in(4)) result.set_name(*value, random_.one_in(2) ? "v" : "long.name_1");
    ++made;
  }
  // The last node, or one before it so that some are dead.
  const auto size = static_cast<std::int64_t>(result.size());
  const std::int64_t back = std::min<std::int64_t>(size - 1, random_.one_in(4) ? 3 : 0);
  Value root{static_cast<std::uint32_t>(size - 1 - back)};
  builder.set_result(root);
  return result;
}

Graph Generator::graph(int nodes) {
  std::vector<Type> parameters;
  for (std::int64_t i = random_.below(4); i > 0; --i)
    parameters.emplace_back(result_type(kAllDTypes, 0));
  return graph(parameters, nodes);
}

}  // namespace

Graph random_graph(std::uint64_t seed, int nodes) {
  return Generator(mix_bits(seed), 0).graph(nodes);
}

Graph random_body(std::uint64_t seed, std::span<const Type> parameters, int nodes) {
  return Generator(mix_bits(seed), kMostDepth).graph(parameters, nodes);
}

}  // namespace ndl::test
