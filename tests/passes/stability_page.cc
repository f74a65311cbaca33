// Prints docs/stability.md: naive programs as written, stabilized and in exact arithmetic. Ends
// with an error where the stable value or gradient is not that of exact arithmetic.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "ir/interpreter.h"
#include "ir/parser.h"
#include "passes/expand.h"
#include "passes/pass.h"
#include "passes/stabilize.h"
#include "passes/vjp.h"
#include "tests/passes/exact_evaluator.h"

namespace ndl::passes {
namespace {

using ir::Graph;
using ir::Literal;

struct Program {
  const char* formula;
  // The body of a graph from %x: f32[3] to its result, %y.
  const char* body;
  const char* type;  // of %y
  std::vector<float> x;
};

const std::string kSum = "%s = reduce(%e, kind=sum, axes=[0]) : f32[] ";
const std::string kExps = "%e = exp(%x) : f32[3] " + kSum + "%b = broadcast(%s) : f32[3] ";

std::vector<Program> programs() {
  static const std::string softmax = kExps + "%y = div(%e, %b) : f32[3]";
  static const std::string reciprocal =
      "%e = exp(%x) : f32[3] " + kSum +
      "%one = constant(1) : f32[] %r = div(%one, %s) : f32[] %b = broadcast(%r) : f32[3] "
      "%y = mul(%e, %b) : f32[3]";
  static const std::string temperature =
      "%t = constant(0.1) : f32[3] %z = div(%x, %t) : f32[3] %e = exp(%z) : f32[3] " + kSum +
      "%b = broadcast(%s) : f32[3] %y = div(%e, %b) : f32[3]";
  static const std::string bias =
      "%c = constant([0, -1000000000, 3]) : f32[3] %z = add(%x, %c) : f32[3] %e = exp(%z) : "
      "f32[3] " +
      kSum + "%b = broadcast(%s) : f32[3] %y = div(%e, %b) : f32[3]";
  static const std::string log_softmax = kExps + "%p = div(%e, %b) : f32[3] %y = log(%p) : f32[3]";
  static const std::string x_minus = "%e = exp(%x) : f32[3] " + kSum +
                                     "%l = log(%s) : f32[] %b = broadcast(%l) : f32[3] "
                                     "%y = sub(%x, %b) : f32[3]";
  static const std::string logsumexp = "%e = exp(%x) : f32[3] " + kSum + "%y = log(%s) : f32[]";
  static const std::string log_mean = "%e = exp(%x) : f32[3] " + kSum +
                                      "%c = constant(3) : f32[] %m = div(%s, %c) : f32[] "
                                      "%y = log(%m) : f32[]";
  static const std::string cross_entropy =
      kExps +
      "%p = div(%e, %b) : f32[3] %l = log(%p) : f32[3] %t = constant([0, 1, 0]) : f32[3] "
      "%m = mul(%l, %t) : f32[3] %n = reduce(%m, kind=sum, axes=[0]) : f32[] %y = neg(%n) : f32[]";
  static const std::string one = "%one = constant(1) : f32[3] ";
  static const std::string softplus =
      "%e = exp(%x) : f32[3] " + one + "%a = add(%one, %e) : f32[3] %y = log(%a) : f32[3]";
  static const std::string negative_exp = "%n = neg(%x) : f32[3] %e = exp(%n) : f32[3] " + one;
  static const std::string sigmoid =
      negative_exp + "%a = add(%one, %e) : f32[3] %y = div(%one, %a) : f32[3]";
  static const std::string log_sigmoid =
      negative_exp +
      "%a = add(%one, %e) : f32[3] %q = div(%one, %a) : f32[3] %y = log(%q) : f32[3]";
  static const std::string one_minus_sigmoid =
      negative_exp +
      "%a = add(%one, %e) : f32[3] %q = div(%one, %a) : f32[3] %y = sub(%one, %q) : f32[3]";
  static const std::string log_one_minus_sigmoid =
      negative_exp +
      "%a = add(%one, %e) : f32[3] %q = div(%one, %a) : f32[3] %d = sub(%one, %q) : f32[3] "
      "%y = log(%d) : f32[3]";
  static const std::string quotient =
      "%e = exp(%x) : f32[3] " + one + "%a = add(%e, %one) : f32[3] %y = div(%e, %a) : f32[3]";
  static const std::string mirrored =
      "%e = exp(%x) : f32[3] " + one + "%a = add(%e, %one) : f32[3] %y = div(%one, %a) : f32[3]";
  static const std::string log_cosh =
      "%n = neg(%x) : f32[3] %e = exp(%x) : f32[3] %f = exp(%n) : f32[3] "
      "%a = add(%e, %f) : f32[3] %y = log(%a) : f32[3]";
  static const std::string tanh =
      "%n = neg(%x) : f32[3] %e = exp(%x) : f32[3] %f = exp(%n) : f32[3] "
      "%d = sub(%e, %f) : f32[3] %a = add(%e, %f) : f32[3] %y = div(%d, %a) : f32[3]";
  static const std::string silu =
      negative_exp + "%a = add(%one, %e) : f32[3] %y = div(%x, %a) : f32[3]";
  static const std::string log_of_cosh = "%c = cosh(%x) : f32[3] %y = log(%c) : f32[3]";
  static const std::string sinh =
      "%n = neg(%x) : f32[3] %e = exp(%x) : f32[3] %f = exp(%n) : f32[3] "
      "%d = sub(%e, %f) : f32[3] %h = constant(0.5) : f32[3] %y = mul(%d, %h) : f32[3]";
  static const std::string other =
      "%two = constant(2) : f32[3] %z = mul(%x, %two) : f32[3] %e = exp(%x) : f32[3] "
      "%f = exp(%z) : f32[3] ";
  static const std::string one_of_two =
      other + "%a = add(%e, %f) : f32[3] %y = div(%e, %a) : f32[3]";
  static const std::string log_ratio = other + "%q = div(%e, %f) : f32[3] %y = log(%q) : f32[3]";
  static const std::string one_minus_exp =
      "%e = exp(%x) : f32[3] " + one + "%y = sub(%one, %e) : f32[3]";
  static const std::string tanh_of_sigmoid =
      "%two = constant(2) : f32[3] %t = mul(%x, %two) : f32[3] %n = neg(%t) : f32[3] "
      "%e = exp(%n) : f32[3] " +
      one + "%a = add(%one, %e) : f32[3] %q = div(%two, %a) : f32[3] %y = sub(%q, %one) : f32[3]";
  static const std::string log_one_plus = one + "%a = add(%one, %x) : f32[3] %y = log(%a) : f32[3]";
  static const std::string exp_minus_one =
      "%e = exp(%x) : f32[3] " + one + "%y = sub(%e, %one) : f32[3]";
  static const std::string one_minus_cos =
      "%c = cos(%x) : f32[3] " + one + "%y = sub(%one, %c) : f32[3]";
  static const std::string powers = "%two = constant(2) : f32[3] %e = pow(%two, %x) : f32[3] " +
                                    kSum + "%b = broadcast(%s) : f32[3] %y = div(%e, %b) : f32[3]";
  static const std::string log2_sum = "%e = exp2(%x) : f32[3] " + kSum + "%y = log2(%s) : f32[]";
  static const std::string log_one_minus_exp =
      "%e = exp(%x) : f32[3] " + one + "%d = sub(%one, %e) : f32[3] %y = log(%d) : f32[3]";
  static const std::string hypot =
      "%two = constant(2) : f32[3] %z = mul(%x, %two) : f32[3] %a = mul(%x, %x) : f32[3] "
      "%c = mul(%z, %z) : f32[3] %d = add(%a, %c) : f32[3] %y = sqrt(%d) : f32[3]";
  static const std::string weighted =
      "%e = exp(%x) : f32[3] %w = constant([0.5, 0, 2]) : f32[3] %p = mul(%w, %e) : f32[3] "
      "%s = reduce(%p, kind=sum, axes=[0]) : f32[] %y = log(%s) : f32[]";
  static const std::string log_of_chosen =
      kExps +
      "%p = div(%e, %b) : f32[3] %t = constant([0, 1, 0]) : f32[3] %m = mul(%p, %t) : f32[3] "
      "%n = reduce(%m, kind=sum, axes=[0]) : f32[] %l = log(%n) : f32[] %y = neg(%l) : f32[]";
  static const std::string squares =
      "%q = mul(%x, %x) : f32[3] %s = reduce(%q, kind=sum, axes=[0]) : f32[] ";
  static const std::string norm = squares + "%y = sqrt(%s) : f32[]";
  static const std::string normalized =
      squares + "%n = sqrt(%s) : f32[] %b = broadcast(%n) : f32[3] %y = div(%x, %b) : f32[3]";
  static const std::string log_one_minus_softmax =
      kExps + "%p = div(%e, %b) : f32[3] " + one +
      "%d = sub(%one, %p) : f32[3] %y = log(%d) : f32[3]";
  static const std::string log_norm =
      "%e = exp(%x) : f32[3] %q = mul(%e, %e) : f32[3] %s = reduce(%q, kind=sum, axes=[0]) : f32[] "
      "%n = sqrt(%s) : f32[] %y = log(%n) : f32[]";
  static const std::string asinh =
      one +
      "%q = mul(%x, %x) : f32[3] %a = add(%q, %one) : f32[3] %r = sqrt(%a) : f32[3] "
      "%s = add(%x, %r) : f32[3] %y = log(%s) : f32[3]";
  static const std::string acosh =
      one +
      "%q = mul(%x, %x) : f32[3] %a = sub(%q, %one) : f32[3] %r = sqrt(%a) : f32[3] "
      "%s = add(%x, %r) : f32[3] %y = log(%s) : f32[3]";
  static const std::string atanh =
      one +
      "%a = add(%one, %x) : f32[3] %c = sub(%one, %x) : f32[3] %q = div(%a, %c) : f32[3] "
      "%l = log(%q) : f32[3] %h = constant(0.5) : f32[3] %y = mul(%l, %h) : f32[3]";
  static const std::string gumbel =
      "%e = exp(%x) : f32[3] %n = neg(%e) : f32[3] %y = exp(%n) : f32[3]";
  static const std::string sech = one + "%c = cosh(%x) : f32[3] %y = div(%one, %c) : f32[3]";
  static const std::string planck =
      one +
      "%three = constant(3) : f32[3] %q = pow(%x, %three) : f32[3] %e = exp(%x) : f32[3] "
      "%d = sub(%e, %one) : f32[3] %y = div(%q, %d) : f32[3]";
  const std::vector<float> large = {1000, 10000, 100};
  const std::vector<float> both = {-200, 0, 200};
  const std::vector<float> tiny = {1e-10F, -1e-5F, 1e-3F};
  return {
      {"exp(x) / sum(exp(x))", softmax.c_str(), "f32[3]", large},
      {"exp(x) * (1 / sum(exp(x)))", reciprocal.c_str(), "f32[3]", large},
      {"exp(x / 0.1) / sum(exp(x / 0.1))", temperature.c_str(), "f32[3]", {10, 10.1F, 9}},
      {"exp(x + mask) / sum(exp(x + mask))", bias.c_str(), "f32[3]", {100, 5, 98}},
      {"log(exp(x) / sum(exp(x)))", log_softmax.c_str(), "f32[3]", large},
      {"x - log(sum(exp(x)))", x_minus.c_str(), "f32[3]", large},
      {"log(sum(exp(x)))", logsumexp.c_str(), "f32[]", {-1000, -1001, -1002}},
      {"log(mean(exp(x)))", log_mean.c_str(), "f32[]", large},
      {"-sum(one_hot * log(exp(x) / sum(exp(x))))",
       cross_entropy.c_str(),
       "f32[]",
       {10000, -10000, 0}},
      {"-log(sum(one_hot * exp(x) / sum(exp(x))))",
       log_of_chosen.c_str(),
       "f32[]",
       {10000, -10000, 0}},
      {"log(sum(w * exp(x))), w = [0.5, 0, 2]", weighted.c_str(), "f32[]", large},
      {"log(1 + exp(x))", softplus.c_str(), "f32[3]", both},
      {"1 / (1 + exp(-x))", sigmoid.c_str(), "f32[3]", both},
      {"log(1 / (1 + exp(-x)))", log_sigmoid.c_str(), "f32[3]", both},
      {"1 - 1 / (1 + exp(-x))", one_minus_sigmoid.c_str(), "f32[3]", {-20, 20, 80}},
      {"log(1 - 1 / (1 + exp(-x)))", log_one_minus_sigmoid.c_str(), "f32[3]", both},
      {"exp(x) / (exp(x) + 1)", quotient.c_str(), "f32[3]", both},
      {"1 / (exp(x) + 1)", mirrored.c_str(), "f32[3]", {-80, 0, 80}},
      {"x / (1 + exp(-x))", silu.c_str(), "f32[3]", both},
      {"exp(x) / (exp(x) + exp(y)), y = 2 * x", one_of_two.c_str(), "f32[3]", {-80, 0, 80}},
      {"log(exp(x) / exp(y)), y = 2 * x", log_ratio.c_str(), "f32[3]", both},
      {"log(cosh(x))", log_of_cosh.c_str(), "f32[3]", {-200, 1e-4F, 200}},
      {"log(exp(x) + exp(-x))", log_cosh.c_str(), "f32[3]", both},
      {"(exp(x) - exp(-x)) / (exp(x) + exp(-x))", tanh.c_str(), "f32[3]", {-100, 1e-6F, 100}},
      {"2 / (1 + exp(-2 * x)) - 1", tanh_of_sigmoid.c_str(), "f32[3]", {-100, 1e-6F, 100}},
      {"(exp(x) - exp(-x)) * 0.5", sinh.c_str(), "f32[3]", {89, 1e-3F, -1e-6F}},
      {"1 - exp(x)", one_minus_exp.c_str(), "f32[3]", tiny},
      {"log(1 + x)", log_one_plus.c_str(), "f32[3]", tiny},
      {"exp(x) - 1", exp_minus_one.c_str(), "f32[3]", tiny},
      {"2^x / sum(2^x)", powers.c_str(), "f32[3]", {1000, 1001, 900}},
      {"log2(sum(2^x))", log2_sum.c_str(), "f32[]", {1000, 1001, 900}},
      {"log(1 - exp(x))", log_one_minus_exp.c_str(), "f32[3]", {-1e-10F, -1, -50}},
      {"sqrt(x * x + y * y), y = 2 * x", hypot.c_str(), "f32[3]", {1e-30F, 3, 1e30F}},
      {"sqrt(sum(x * x))", norm.c_str(), "f32[]", {3e30F, -4e30F, 1}},
      {"x / sqrt(sum(x * x))", normalized.c_str(), "f32[3]", {3e-30F, -4e-30F, 1e-30F}},
      {"log(1 - exp(x) / sum(exp(x)))", log_one_minus_softmax.c_str(), "f32[3]", large},
      {"log(sqrt(sum(exp(x) * exp(x))))", log_norm.c_str(), "f32[]", large},
      {"log(x + sqrt(x * x + 1))", asinh.c_str(), "f32[3]", {-10000, 1e-8F, 1e30F}},
      {"log(x + sqrt(x * x - 1))", acosh.c_str(), "f32[3]", {1.000001F, 2, 1e30F}},
      {"0.5 * log((1 + x) / (1 - x))", atanh.c_str(), "f32[3]", {1e-8F, -0.5F, 0.999999F}},
      {"exp(-exp(x))", gumbel.c_str(), "f32[3]", {-1, 1, 1000}},
      {"1 / cosh(x)", sech.c_str(), "f32[3]", {-60, 0.5F, 100}},
      {"x^3 / (exp(x) - 1)", planck.c_str(), "f32[3]", {1e-3F, 50, 1000}},
      {"1 - cos(x)", one_minus_cos.c_str(), "f32[3]", tiny},
  };
}

using Columns = std::vector<std::vector<double>>;  // the value, the gradient

Columns elements(const std::vector<Literal>& results) {
  Columns columns;
  for (const Literal& result : results) {
    columns.emplace_back();
    for (std::int64_t i = 0; i < result.size(); ++i) columns.back().push_back(result.as_double(i));
  }
  return columns;
}

std::string list(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double x : values) {
    texts.push_back(std::isnan(x) ? "nan" : fmt::format("{:.4g}", x == 0 ? 0 : x));
  }
  return values.size() == 1 ? texts[0] : fmt::format("[{}]", fmt::join(texts, " "));
}

// To four digits, but for what is too small for f32.
bool are_close(const Columns& got, const Columns& exact) {
  for (std::size_t k = 0; k < exact.size(); ++k) {
    for (std::size_t i = 0; i < exact[k].size(); ++i) {
      constexpr double kSmallest = 1e-37;
      const double tolerance = 1e-4 * std::abs(exact[k][i]) + kSmallest;
      if (!(std::abs(got[k][i] - exact[k][i]) <= tolerance)) return false;
    }
  }
  return true;
}

constexpr const char* kHead = R"(# Stability

Naive programs in f32: evaluated as they are written; stabilized (`ndl opt -p stabilize`, which the front
end does by itself); and in arithmetic so wide that nothing overflows or cancels. Gradients are of the
results weighted by 1, 2, 3. Written by `bazel run //tests/passes:stability_page`, which fails where the
stable form is not the exact one.
)";

constexpr const char* kTail = R"(
## Left as they are

| program | what is lost | instead |
|---|---|---|
| the slope of `tanh(x)` | is right to the digits of 1, not to its own, where abs(x) is large | `1 - y * y` costs no exponential |
| `log(0.5 * (1 + erf(x / sqrt(2))))` | is -inf where erf rounds to -1, below -5.6 in f32 | nearly `-x * x / 2 - log(-x * sqrt(2 * pi))` there |
| `log(cumsum(exp(x)))` | overflows, and is -inf where all so far is small | a `scan` with the largest so far, or `logaddexp` |
| `log(1 - exp(-exp(x)))` | is -inf where exp(x) vanishes | `x` there |
)";

bool print_program(const Program& program) {
  const Graph naive = ir::parse(fmt::format("needle 1 graph f(%x: f32[3]) -> {} {{ {} return %y }}",
                                            program.type, program.body));
  std::vector<AppliedRule> applied;
  PassContext context;
  context.applied = &applied;
  const Graph stable = run_stabilize(naive, context);
  const bool is_scalar = std::string_view(program.type) == "f32[]";
  const std::vector<float> weights =
      is_scalar ? std::vector<float>{1} : std::vector<float>{1, 2, 3};
  const std::vector<Literal> inputs = {
      Literal::dense<float>(ir::Shape({3}), program.x),
      Literal::dense<float>(is_scalar ? ir::Shape() : ir::Shape({3}), weights)};
  const Columns as_written = elements(ir::interpret(vjp(naive), inputs));
  const Columns stabilized = elements(ir::interpret(vjp(stable), inputs));
  const Columns exact = evaluate_exactly(vjp(naive), inputs);

  std::vector<std::string> rules;
  for (const AppliedRule& rule : applied) rules.push_back(fmt::format("`{}`", rule.rule));
  const std::vector<double> x(program.x.begin(), program.x.end());
  const std::string names = rules.empty() ? "no rule" : fmt::format("{}", fmt::join(rules, ", "));
  fmt::print("\n## `{}`\n\nAt x = {}; {}.\n\n| | value | gradient |\n|---|---|---|\n",
             program.formula, list(x), names);
  const std::pair<const char*, const Columns*> rows[] = {
      {"as written", &as_written}, {"stabilized", &stabilized}, {"exact", &exact}};
  for (const auto& [name, columns] : rows) {
    fmt::print("| {} | {} | {} |\n", name, list((*columns)[0]), list((*columns)[1]));
  }
  if (are_close(stabilized, exact)) return true;
  fmt::print(stderr, "{} is not stable at {}\n", program.formula, list(x));
  return false;
}

bool print_page() {
  fmt::print("{}", kHead);
  bool all_stable = true;
  for (const Program& program : programs()) all_stable &= print_program(program);
  fmt::print("{}", kTail);
  return all_stable;
}

}  // namespace
}  // namespace ndl::passes

int main() { return ndl::passes::print_page() ? 0 : 1; }
