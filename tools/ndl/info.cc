// ndl info: what a graph is and what it needs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codegen/launch_counts.h"
#include "codegen/program.h"
#include "ir/graph.h"
#include "ir/interpreter.h"
#include "ir/printer.h"
#include "tools/io/file.h"
#include "tools/ndl/commands.h"
#include "tools/ndl/compile_graph.h"
#include "tools/ndl/help.h"
#include "tools/ndl/inputs.h"
#include "tools/ndl/load.h"
#include "tools/ndl/pass_flags.h"
#include "tools/ndl/target_flags.h"

namespace ndl::tools {
namespace {

constexpr const char* kExamples =
    "  ndl info m.ndl\n"
    "  ndl info m.ndl --json | jq .peak_bytes\n"
    "  ndl info m.ndl --explain=fuse    why ops became one kernel, or not\n"
    "  ndl info m.ndl -p vjp,default    the gradient that vjp makes\n"
    "  Signature, nodes, ops and peak bytes are those of the graph as written or, where a pass\n"
    "  such as vjp gives it other parameters or results, of what that makes; kernels, arena and\n"
    "  running bytes and what is fused, of what that is compiled to.\n";

struct Options {
  std::string file;
  bool json = false;
  TargetFlags target;
  PassFlags passes;
};

struct Named {
  std::string name;
  ir::Type type;
};

// A kernel of several ops.
struct Fusion {
  std::string name;  // of its value in the graph after passes
  ir::Type type;
  std::map<std::string_view, std::size_t> counts;  // by op
};

// What compiling makes of the graph.
struct Compiled {
  std::vector<codegen::LaunchCounts> launches;
  std::int64_t arena_bytes = 0;
  std::int64_t running_bytes = 0;
  std::vector<Fusion> fusions;
};

struct Summary {
  std::string name;
  std::vector<Named> parameters;
  std::vector<Named> results;
  std::size_t nodes = 0;                           // those of regions too
  std::map<std::string_view, std::size_t> counts;  // by op
  std::int64_t parameter_bytes = 0;
  std::int64_t result_bytes = 0;
  std::int64_t peak_bytes = 0;
  std::optional<Compiled> compiled;
};

void count_ops(const ir::Graph& graph, Summary& summary) {
  std::vector<const ir::Graph*> pending = {&graph};
  while (!pending.empty()) {
    const ir::Graph& current = *pending.back();
    pending.pop_back();
    summary.nodes += current.size();
    for (std::uint32_t id = 0; id < current.size(); ++id) {
      const ir::Value value{id};
      ++summary.counts[ir::name_of(current.op(value))];
      for (const auto& [name, attribute] : current.attributes(value)) {
        const auto* region = std::get_if<ir::Region>(&attribute);
        if (region != nullptr) pending.push_back(region->get());
      }
    }
  }
}

// Bytes of many values; the largest number there is when the sum does not fit.
std::int64_t saturating_bytes(const std::vector<Named>& values) {
  std::int64_t sum = 0;
  for (const Named& value : values) {
    if (__builtin_add_overflow(sum, value.type.bytes(), &sum)) return INT64_MAX;
  }
  return sum;
}

Summary summarize(const ir::Graph& graph) {
  Summary summary;
  summary.name = graph.name();
  for (std::size_t i = 0; i < graph.num_parameters(); ++i) {
    const ir::Value value = graph.parameter(i);
    const std::string& name = graph.name(value);
    summary.parameters.push_back({name.empty() ? fmt::format("{}", i) : name, graph.type(value)});
  }
  for (const ir::TensorType& type : graph.result_type().elements()) {
    summary.results.push_back({result_name(summary.results.size()), type});
  }
  count_ops(graph, summary);
  summary.parameter_bytes = saturating_bytes(summary.parameters);
  summary.result_bytes = saturating_bytes(summary.results);
  summary.peak_bytes = ir::peak_bytes(graph);
  return summary;
}

std::vector<Fusion> fusions_of(const ir::Graph& graph) {
  const std::vector<std::string> labels = ir::value_labels(graph);
  std::vector<Fusion> fusions;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (graph.op({id}) != ir::Op::kFusion) continue;
    Fusion fusion{labels[id], graph.type({id}), {}};
    const ir::Graph& body = *graph.attributes({id}).region(ir::Attr::kBody);
    for (std::uint32_t member = 0; member < body.size(); ++member) {
      const ir::Op op = body.op({member});
      if (op != ir::Op::kParameter && op != ir::Op::kMakeTuple) ++fusion.counts[ir::name_of(op)];
    }
    fusions.push_back(std::move(fusion));
  }
  return fusions;
}

// Nothing if this version cannot compile the graph, which is said on standard error.
std::optional<Compiled> compiled_of(const ir::Graph& after_passes, const std::string& cpu) {
  try {
    const auto program = compile_after_passes(after_passes, cpu);
    return Compiled{codegen::count_launches(after_passes), program->executable()->arena_bytes(),
                    running_bytes(*program), fusions_of(after_passes)};
  } catch (const UnsupportedError& error) {
    write_stderr(fmt::format("note: not compiled: {}\n", error.message()));
    return std::nullopt;
  }
}

// "2 add, 1 exp"
std::string to_text(const std::map<std::string_view, std::size_t>& counts) {
  std::string text;
  for (const auto& [op, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, op);
  }
  return text;
}

std::string signature(const ir::Graph& graph, const Summary& summary) {
  std::string parameters;
  for (const Named& parameter : summary.parameters) {
    parameters += fmt::format("{}%{}: {}", parameters.empty() ? "" : ", ", parameter.name,
                              parameter.type.to_string());
  }
  return fmt::format("{}({}) -> {}", summary.name, parameters, graph.result_type().to_string());
}

std::string to_text(const ir::Graph& graph, const Summary& summary) {
  std::string text = signature(graph, summary) + "\n\n";
  const auto line = [&](std::string_view name, auto value, std::string_view note = "") {
    text += fmt::format("{:<18}{:>14}{}\n", name, value, note);
  };
  line("nodes", summary.nodes);
  line("parameters", summary.parameters.size());
  line("parameter bytes", summary.parameter_bytes);
  line("result bytes", summary.result_bytes);
  line("peak bytes", summary.peak_bytes, "  alive at one time when interpreted");
  if (summary.compiled) {
    for (const codegen::LaunchCounts& counts : summary.compiled->launches) {
      const std::string name = counts.where.empty() ? "kernels" : counts.where;
      line(std::string(2 * counts.depth, ' ') + name, counts.kernels(), "  " + counts.details());
    }
    line("arena bytes", summary.compiled->arena_bytes, "  for its temporaries");
    line("running bytes", summary.compiled->running_bytes, "  with inputs and results");
  }

  std::vector<std::pair<std::string_view, std::size_t>> counts(summary.counts.begin(),
                                                               summary.counts.end());
  std::ranges::stable_sort(counts,
                           [](const auto& a, const auto& b) { return a.second > b.second; });
  text += "\n";
  for (const auto& [op, count] : counts) line(op, count);
  if (!summary.compiled || summary.compiled->fusions.empty()) return text;
  text += "\nfused after passes\n";
  for (const Fusion& fusion : summary.compiled->fusions) {
    text += fmt::format("  {} : {} = {}\n", fusion.name, fusion.type.to_string(),
                        to_text(fusion.counts));
  }
  return text;
}

nlohmann::ordered_json to_json(const std::vector<Named>& values) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Named& value : values) {
    list.push_back(
        {{"name", value.name}, {"type", value.type.to_string()}, {"bytes", value.type.bytes()}});
  }
  return list;
}

nlohmann::ordered_json to_json(const codegen::LaunchCounts& counts) {
  using codegen::LaunchKind;
  return {{"kernels", counts.kernels()},
          {"launches", counts.launches},
          {"library_calls", counts.of(LaunchKind::kLibrary)},
          {"fills", counts.of(LaunchKind::kFill)},
          {"copies", counts.of(LaunchKind::kCopy)},
          {"checks", counts.of(LaunchKind::kCheck)}};
}

nlohmann::ordered_json to_json(const Summary& summary) {
  nlohmann::ordered_json json;
  json["name"] = summary.name;
  json["parameters"] = to_json(summary.parameters);
  json["results"] = to_json(summary.results);
  json["nodes"] = summary.nodes;
  json["ops"] = nlohmann::ordered_json::object();
  for (const auto& [op, count] : summary.counts) json["ops"][std::string(op)] = count;
  json["parameter_bytes"] = summary.parameter_bytes;
  json["result_bytes"] = summary.result_bytes;
  json["peak_bytes"] = summary.peak_bytes;
  if (!summary.compiled) {
    json["compiled"] = nullptr;
    return json;
  }
  nlohmann::ordered_json& compiled = json["compiled"];
  const std::vector<codegen::LaunchCounts>& launches = summary.compiled->launches;
  compiled = to_json(launches.front());
  compiled["regions"] = nlohmann::ordered_json::array();
  for (const codegen::LaunchCounts& region : std::span(launches).subspan(1)) {
    nlohmann::ordered_json json_of_region = {{"where", region.where}, {"depth", region.depth}};
    json_of_region.update(to_json(region));
    compiled["regions"].push_back(std::move(json_of_region));
  }
  compiled["arena_bytes"] = summary.compiled->arena_bytes;
  compiled["running_bytes"] = summary.compiled->running_bytes;
  compiled["fusions"] = nlohmann::ordered_json::array();
  for (const Fusion& fusion : summary.compiled->fusions) {
    nlohmann::ordered_json ops = nlohmann::ordered_json::object();
    for (const auto& [op, count] : fusion.counts) ops[std::string(op)] = count;
    compiled["fusions"].push_back(
        {{"name", fusion.name}, {"type", fusion.type.to_string()}, {"ops", ops}});
  }
  return json;
}

int run(const Options& options) {
  const std::string& cpu = options.target.cpu();
  const Prepared graph = prepare(load_graph(options.file), options.passes, cpu);
  Summary summary = summarize(graph.readable);
  summary.compiled = compiled_of(graph.after_passes, cpu);
  write_stdout(options.json ? to_json(summary).dump(2) + "\n" : to_text(graph.readable, summary));
  return kOk;
}

}  // namespace

Command add_info(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* app =
      add_command(parent, "info", "show a graph's signature, ops, sizes and memory", kExamples);
  app->add_option("FILE", options->file, "the graph; - reads standard input");
  app->add_flag("--json", options->json, "as JSON")->group("Output");
  options->target.add_cpu(*app);
  options->passes.add_to(*app, codegen::CompileOptions{}.pipeline);
  return {app, [options] { return run(*options); }};
}

}  // namespace ndl::tools
