// Random uses of one op as graphs of few elements, and inputs where they are smooth.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"
#include "ir/literal.h"
#include "ir/op.h"
#include "tests/parameter_operands.h"
#include "tests/random.h"

namespace ndl::test {

// Operands that are parameters of few elements, f64 where the op takes them.
class SmallOperands : public ParameterOperands {
 public:
  explicit SmallOperands(Random& random) : ParameterOperands(random, DType::kF64) {}

 private:
  ir::Shape choose_shape(std::size_t least_rank) override;
  ir::Value operand(const ir::TensorType& type, std::int64_t bound) override;
};

// The rows of the op table.
std::vector<const ir::OpDef*> every_op();

// A function, and where.
struct Point {
  ir::Graph graph;
  std::vector<ir::Literal> inputs;
};

// In [0, 1).
double uniform(Random& random);
ir::Literal floats(const ir::TensorType& type, Random& random, double low, double high);

// Inputs where the op is smooth.
std::vector<ir::Literal> random_inputs(const ParameterOperands::Finished& use, const ir::OpDef& def,
                                       Random& random);

// A random use of the op; nothing if the draw does not fit the op.
std::optional<ParameterOperands::Finished> random_use(const ir::OpDef& def, Random& random);

// The same at a random point; nothing if it is an error there, too.
std::optional<Point> random_point(const ir::OpDef& def, std::uint64_t seed);

}  // namespace ndl::test
