#include "tools/ndl/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "tools/io/file.h"
#include "tools/machine.h"

namespace ndl::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Entry {
  std::string_view name;
  double seconds;
};

std::vector<Entry> entries_of(const BenchResult& result) {
  return {{"min", result.timing.min},
          {"median", result.timing.median},
          {"p95", result.timing.p95},
          {"compile", result.compile_seconds}};
}

double bytes_per_second(const BenchResult& result, double seconds) {
  return seconds > 0 ? static_cast<double>(result.bytes) / seconds : 0;
}

// Four significant digits and a unit.
std::string duration(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.4g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.4g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.4g} ms", seconds * 1e3);
  return fmt::format("{:.4g} s", seconds);
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm fields{};
  ::gmtime_r(&time, &fields);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%FT%T+00:00", &fields)};
}

double nanoseconds_in(const Json& entry) {
  static const std::map<std::string, double> kUnits = {
      {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  const auto unit = kUnits.find(entry.value("time_unit", "ns"));
  return entry.at("real_time").get<double>() * (unit == kUnits.end() ? 1 : unit->second);
}

// Nanoseconds by name.
std::map<std::string, double> parse_report(const std::string& text) {
  std::map<std::string, double> times;
  const Json report = Json::parse(text);
  for (const Json& entry : report.at("benchmarks")) {
    if (!entry.contains("real_time")) continue;
    const double time = nanoseconds_in(entry);
    // Nothing can be compared with a call that took no time.
    if (time > 0) times[entry.at("name").get<std::string>()] = time;
  }
  return times;
}

}  // namespace

std::string bench_text(const BenchResult& result) {
  std::string text = result.name + "\n";
  const auto line = [&](std::string_view name, std::string_view value, std::string_view note = "") {
    text += fmt::format("{:<10}{:>14}{}\n", name, value, note);
  };
  for (const Entry& entry : entries_of(result)) line(entry.name, duration(entry.seconds));
  line("calls", fmt::to_string(result.timing.calls));
  line("kernels", fmt::to_string(result.kernels));
  line("GB/s", fmt::format("{:.3g}", bytes_per_second(result, result.timing.median) / 1e9),
       fmt::format("  of inputs and outputs, {} bytes", result.bytes));
  return text;
}

std::string bench_json(const BenchResult& result) {
  Json report;
  report["context"] = {{"date", now()},
                       {"executable", "ndl"},
                       {"num_cpus", usable_cpus()},
                       {"cpu_model", cpu_model()},
                       {"library_build_type", "release"}};
  report["benchmarks"] = Json::array();
  for (const Entry& entry : entries_of(result)) {
    const bool is_call = entry.name != "compile";
    Json json = {{"name", fmt::format("{}_{}", result.name, entry.name)},
                 {"run_name", result.name},
                 {"run_type", "aggregate"},
                 {"aggregate_name", entry.name},
                 {"aggregate_unit", "time"},
                 {"threads", result.threads},
                 {"iterations", is_call ? result.timing.calls : 1},
                 {"real_time", entry.seconds * 1e9},
                 {"cpu_time", (is_call ? result.timing.cpu : entry.seconds) * 1e9},
                 {"time_unit", "ns"}};
    if (is_call) json["bytes_per_second"] = bytes_per_second(result, entry.seconds);
    report["benchmarks"].push_back(std::move(json));
  }
  return report.dump(2) + "\n";
}

BenchComparison compare_bench(const BenchResult& result, const std::string& old_json,
                              const std::string& file) {
  std::map<std::string, double> old;
  try {
    old = parse_report(old_json);
  } catch (const nlohmann::json::exception& error) {
    throw_error<IoError>("'{}' is no report of benchmarks: {}", display_path(file),
                         escape_control(error.what()));
  }
  BenchComparison comparison;
  comparison.table = fmt::format("{:<10}{:>14}{:>14}{:>12}\n", "", "old", "new", "new / old");
  std::vector<double> slowdowns;
  bool found = false;
  for (const Entry& entry : entries_of(result)) {
    const auto it = old.find(fmt::format("{}_{}", result.name, entry.name));
    if (it == old.end()) continue;
    found = true;
    const double ratio = entry.seconds * 1e9 / it->second;
    if (entry.name == "min" || entry.name == "median") slowdowns.push_back(ratio);
    comparison.table += fmt::format("{:<10}{:>14}{:>14}{:>12.3f}\n", entry.name,
                                    duration(it->second * 1e-9), duration(entry.seconds), ratio);
  }
  if (!found) {
    throw_error<IoError>("'{}' has no figures of '{}'", display_path(file), result.name);
  }
  if (!slowdowns.empty()) comparison.slowdown = std::ranges::min(slowdowns);
  return comparison;
}

}  // namespace ndl::tools
