#include "tools/agreement.h"

#include <fmt/format.h>

#include <functional>

#include "base/error.h"
#include "ir/interpreter.h"
#include "tools/compare.h"
#include "tools/random_inputs.h"

namespace ndl::tools {
namespace {

// Results, or the message of an index error.
struct Outcome {
  std::vector<ir::Literal> results;
  std::string error;

  std::string to_string() const {
    return error.empty() ? "results" : fmt::format("the error '{}'", error);
  }
};

Outcome outcome_of(const std::function<std::vector<ir::Literal>()>& run) {
  try {
    return {run(), ""};
  } catch (const IndexError& error) {
    return {{}, error.message()};
  }
}

// Where the two differ, for people; "" if nowhere.
std::string difference(const Outcome& got, const Outcome& want) {
  if (got.error != want.error) {
    return fmt::format("got {}, want {}\n", got.to_string(), want.to_string());
  }
  std::string text;
  for (std::size_t i = 0; i < got.results.size(); ++i) {
    const Comparison comparison = compare(got.results[i], want.results[i], {});
    if (comparison.count != 0) text += describe(comparison, i, got.results[i], want.results[i]);
  }
  return text;
}

}  // namespace

std::optional<Disagreement> find_disagreement(const Lowering& lowering, std::uint64_t seed,
                                              int threads) {
  const std::vector<ir::Literal> inputs = random_inputs(lowering.source, seed, InputKind::kProbing);
  Outcome want = outcome_of([&] { return ir::interpret(lowering.source, inputs); });
  for (const Lowering::Stage& stage : lowering.stages) {
    Outcome got = outcome_of([&] { return ir::interpret(stage.graph, inputs); });
    if (want.error.empty()) {
      const std::string what = difference(got, want);
      if (!what.empty()) return Disagreement{fmt::format("pass '{}'", stage.pass), what};
    }
    want = std::move(got);
  }
  const Outcome got = outcome_of([&] { return lowering.program->run(inputs, threads); });
  const std::string what = difference(got, want);
  if (what.empty()) return std::nullopt;
  return Disagreement{"code generation", what};
}

}  // namespace ndl::tools
