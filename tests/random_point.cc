#include "tests/random_point.h"

#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "ir/math/convert.h"
#include "tests/random_op.h"
#include "tests/same_results.h"

namespace ndl::test {

using ir::Literal;
using ir::TensorType;

ir::Shape SmallOperands::choose_shape(std::size_t least_rank) {
  ir::Dims dims(least_rank + static_cast<std::size_t>(random().below(3)));
  for (std::int64_t& extent : dims) extent = random().one_in(12) ? 0 : random().between(1, 4);
  return ir::Shape(dims);
}

ir::Value SmallOperands::operand(const TensorType& type, std::int64_t bound) {
  return parameter(type, bound);
}

std::vector<const ir::OpDef*> every_op() {
  std::vector<const ir::OpDef*> defs;
  for (const ir::OpDef& def : ir::all_ops()) defs.push_back(&def);
  return defs;
}

double uniform(Random& random) { return static_cast<double>(random.bits() >> 11) * 0x1p-53; }

Literal floats(const TensorType& type, Random& random, double low, double high) {
  Literal literal = Literal::uninitialized(type);
  visit_dtype(type.dtype, [&]<class T>(std::type_identity<T>) {
    for (std::int64_t i = 0; i < literal.size(); ++i) {
      literal.mutable_data<T>()[i] =
          ir::math::convert_element<T>(low + (high - low) * uniform(random));
    }
  });
  return literal;
}

std::vector<Literal> random_inputs(const ParameterOperands::Finished& use, const ir::OpDef& def,
                                   Random& random) {
  std::vector<Literal> inputs;
  for (std::size_t i = 0; i < use.graph.num_parameters(); ++i) {
    const TensorType& type = use.graph.type(use.graph.parameter(i)).tensor();
    if (is_float(type.dtype)) {
      const double low = def.is_elementwise() ? def.sample_low : -2;
      const double high = def.is_elementwise() ? def.sample_high : 2;
      inputs.push_back(floats(type, random, low, high));
    } else {
      const std::int64_t bound = use.bounds[i] > 0 ? use.bounds[i] : 4;
      inputs.push_back(random_integers(type, 0, bound - 1, random.bits()));
    }
  }
  return inputs;
}

std::optional<ParameterOperands::Finished> random_use(const ir::OpDef& def, Random& random) {
  SmallOperands operands(random);
  try {
    const std::optional<ir::Value> value = random_op(operands.builder(), random, operands, def);
    if (value) return operands.finished(*value);
  } catch (const ShapeError&) {
  }
  return std::nullopt;
}

std::optional<Point> random_point(const ir::OpDef& def, std::uint64_t seed) {
  Random random(mix_bits(seed));
  const std::optional<ParameterOperands::Finished> use = random_use(def, random);
  if (!use) return std::nullopt;
  Point point{use->graph, random_inputs(*use, def, random)};
  // Some draws index where there is nothing.
  if (!run(point.graph, point.inputs).error.empty()) return std::nullopt;
  return point;
}

}  // namespace ndl::test
