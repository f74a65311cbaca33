// The gradients of the elementwise ops: the column of ir/elementwise.def, over nodes.
#include <optional>

#include "passes/derive.h"
#include "passes/derive_helpers.h"
#include "passes/term.h"

namespace ndl::passes {
namespace {

// One entry of the column: a value, times a slope that vanishes or not, or g where a condition
// holds, or 0.
struct Gradient {
  Gradient() = default;
  Gradient(const Term& value) : value(value) {}

  std::optional<Term> value;
  std::optional<Term> slope;
  std::optional<Term> condition;
};

// The vocabulary of the column, besides that of terms.
const Gradient none;

Gradient keep(const Term& condition) {
  Gradient gradient;
  gradient.condition = condition;
  return gradient;
}

Gradient fading(const Term& value, const Term& slope) {
  Gradient gradient = value;
  gradient.slope = slope;
  return gradient;
}

constexpr double kLn2 = 0.69314718055994530942;
constexpr double kTwoPerRootPi = 1.12837916709551257390;

// x / (x^2 + y^2), without overflow of the squares; 0 where both are 0.
Term slope_of_angle(const Term& x, const Term& y) {
  const Term most = max(abs(x), abs(y));
  const Term u = x / most;
  const Term v = y / most;
  return select(most == 0, 0, u / (u * u + v * v) / most);
}

#define NDL_UNPAREN(...) __VA_ARGS__
#define NDL_OPERANDS_kUnary [[maybe_unused]] const Term a = operand(0);
#define NDL_OPERANDS_kPredicate NDL_OPERANDS_kUnary
#define NDL_OPERANDS_kBinary NDL_OPERANDS_kUnary [[maybe_unused]] const Term b = operand(1);
#define NDL_OPERANDS_kCompare NDL_OPERANDS_kBinary
#define NDL_OPERANDS_kTernary NDL_OPERANDS_kBinary [[maybe_unused]] const Term c = operand(2);
#define NDL_OPERANDS_kSelect const Term m = operand(0);

// The gradients of all operands.
std::vector<Gradient> gradients_of(Derivation& d) {
  const auto operand = [&](std::size_t i) { return Term{&d.b, d.operand(i)}; };
  [[maybe_unused]] const Term g{&d.b, d.g()};
  [[maybe_unused]] const Term y{&d.b, d.node()};
  switch (d.op()) {
#define NDL_ELEMENTWISE(enumerator, name, kind, dtypes, forward, gradients, ...) \
  case ir::Op::enumerator: {                                                     \
    NDL_OPERANDS_##kind return {NDL_UNPAREN gradients};                          \
  }
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
    default:
      return {};
  }
}

}  // namespace

void derive_elementwise(Derivation& d) {
  const Term g{&d.b, d.g()};
  std::optional<Term> mask;
  if (d.cotangent().mask) mask = Term{&d.b, *d.cotangent().mask};
  const std::vector<Gradient> gradients = gradients_of(d);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!d.needs(i)) continue;
    const Gradient& gradient = gradients[i];
    if (gradient.condition) {
      const Term taken = mask ? *gradient.condition & *mask : *gradient.condition;
      d.add(i, {select(*gradient.condition, g, 0).value, taken.value});
    } else if (gradient.slope) {
      add_fading(d, i, gradient.value->value, gradient.slope->value);
    } else if (gradient.value) {
      d.add_masked(i, gradient.value->value);
    }
  }
}

}  // namespace ndl::passes
