#include "passes/canonicalize.h"

#include "passes/structural_rules.h"

namespace ndl::passes {
namespace {

constexpr DTypeSet kIntegral = kBitwise;  // integers and bool
constexpr DTypeSet kSignedNumeric = kSigned | kFloats;

// Scalar algebra. What is missing here is missing because it is not exact: x + 0 turns -0 into +0,
// x * 0 is NaN for infinite x, x - x is NaN for NaN, a / b * b rounds twice.
std::vector<Rule> scalar_rules() {
  using namespace pattern;
  const Pattern x = Pattern::variable(0);
  const Pattern y = Pattern::variable(1);
  const Pattern m = Pattern::variable(2);
  const Pattern c = Pattern::constant(3);
  const Pattern d = Pattern::constant(4);
  const Pattern ones = Pattern::all_ones();
  return {
      // Neutral elements
      equation("add-negative-zero", x + lit(-0.0), x, kFloats),
      equation("add-zero", x + lit(0), x, kIntegers),
      equation("sub-zero", x - lit(0), x),
      equation("mul-one", x * lit(1), x),
      equation("div-one", x / lit(1), x),
      equation("pow-one", pow(x, lit(1)), x),
      equation("and-ones", and_(x, ones), x, kIntegral),
      equation("or-zero", or_(x, lit(0)), x, kIntegral),
      equation("xor-zero", xor_(x, lit(0)), x, kIntegral),
      equation("shift-left-zero", shift_left(x, lit(0)), x, kIntegers),
      equation("shift-right-zero", shift_right(x, lit(0)), x, kIntegers),

      // Absorbing elements
      equation("mul-zero", x * lit(0), lit(0), kIntegers),
      equation("and-zero", and_(x, lit(0)), lit(0), kIntegral),
      equation("or-ones", or_(x, ones), ones, kIntegral),
      equation("pow-zero", pow(x, lit(0)), lit(1)),
      equation("rem-one", rem(x, lit(1)), lit(0), kIntegers),

      // An operand twice
      equation("sub-self", x - x, lit(0), kIntegers),
      equation("xor-self", xor_(x, x), lit(0), kIntegral),
      equation("and-self", and_(x, x), x, kIntegral),
      equation("or-self", or_(x, x), x, kIntegral),
      equation("min-self", min(x, x), x),
      equation("max-self", max(x, x), x),
      equation("eq-self", eq(x, x), lit(1), kIntegral),
      equation("ne-self", ne(x, x), lit(0), kIntegral),
      equation("ne-self-float", ne(x, x), is_nan(x), kFloats),
      equation("le-self", le(x, x), lit(1), kIntegral),
      equation("ge-self", ge(x, x), lit(1), kIntegral),
      equation("lt-self", lt(x, x), lit(0), kAllDTypes),
      equation("gt-self", gt(x, x), lit(0), kAllDTypes),

      // Signs
      equation("neg-neg", neg(neg(x)), x),
      equation("abs-neg", abs(neg(x)), abs(x), kSignedNumeric),
      equation("abs-abs", abs(abs(x)), abs(x)),
      equation("abs-unsigned", abs(x), x, DType::kU8),
      equation("sign-sign", sign(sign(x)), sign(x)),
      equation("mul-minus-one", x * lit(-1), neg(x), kSignedNumeric),
      equation("div-minus-one", x / lit(-1), neg(x), kSignedNumeric),
      equation("add-neg", x + neg(y), x - y),
      equation("sub-neg", x - neg(y), x + y),
      equation("mul-neg-neg", neg(x) * neg(y), x * y),
      equation("mul-neg-constant", neg(x) * c, x * neg(c), kSignedNumeric),
      equation("div-neg-constant", neg(x) / c, x / neg(c), kFloats),
      equation("div-neg-neg", neg(x) / neg(y), x / y, kFloats),
      equation("neg-zero-sub", lit(-0.0) - x, neg(x), kFloats),
      equation("zero-sub", lit(0) - x, neg(x), kIntegers),
      equation("neg-sub", neg(x - y), y - x, kIntegers),

      // Roundings of what is integral already
      equation("floor-floor", floor(floor(x)), floor(x), kFloats),
      equation("ceil-ceil", ceil(ceil(x)), ceil(x), kFloats),
      equation("round-round", round(round(x)), round(x), kFloats),
      equation("trunc-trunc", trunc(trunc(x)), trunc(x), kFloats),

      // Nested choices of extremes
      equation("min-min", min(min(x, y), y), min(x, y)),
      equation("max-max", max(max(x, y), y), max(x, y)),

      // Constants together
      equation("add-constants", (x + c) + d, x + (c + d), kIntegers),
      equation("mul-constants", (x * c) * d, x * (c * d), kIntegers),
      equation("and-constants", and_(and_(x, c), d), and_(x, and_(c, d)), kIntegral),
      equation("or-constants", or_(or_(x, c), d), or_(x, or_(c, d)), kIntegral),
      equation("xor-constants", xor_(xor_(x, c), d), xor_(x, xor_(c, d)), kIntegral),
      equation("min-constants", min(min(x, c), d), min(x, min(c, d))),
      equation("max-constants", max(max(x, c), d), max(x, max(c, d))),
      equation("sub-constant", x - c, x + neg(c), kIntegers),

      // Logic
      equation("not-not", not_(not_(x)), x, kIntegral),
      equation("not-eq", not_(eq(x, y)), ne(x, y), kAllDTypes),
      equation("not-ne", not_(ne(x, y)), eq(x, y), kAllDTypes),
      equation("not-lt", not_(lt(x, y)), ge(x, y), kIntegral),
      equation("not-le", not_(le(x, y)), gt(x, y), kIntegral),
      equation("not-gt", not_(gt(x, y)), le(x, y), kIntegral),
      equation("not-ge", not_(ge(x, y)), lt(x, y), kIntegral),
      equation("eq-true", eq(x, ones), x, kBools),
      equation("eq-false", eq(x, lit(0)), not_(x), kBools),
      equation("ne-true", ne(x, ones), not_(x), kBools),
      equation("ne-false", ne(x, lit(0)), x, kBools),

      // Choice
      equation("select-same", select(m, x, x), x, kAllDTypes),
      equation("select-true", select(ones, x, y), x, kAllDTypes),
      equation("select-false", select(lit(0), x, y), y, kAllDTypes),
      equation("select-not", select(not_(m), x, y), select(m, y, x), kAllDTypes),
  };
}

std::vector<Rule> make_rules() {
  std::vector<Rule> rules = structural_rules();
  for (Rule& rule : scalar_rules()) rules.push_back(std::move(rule));
  return rules;
}

}  // namespace

std::span<const Rule> canonicalize_rules() {
  static const std::vector<Rule> rules = make_rules();
  return rules;
}

ir::Graph run_canonicalize(const ir::Graph& graph, const PassContext& context) {
  return rewrite(graph, canonicalize_rules(), context);
}

}  // namespace ndl::passes
