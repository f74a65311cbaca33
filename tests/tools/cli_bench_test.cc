// ndl bench as a process.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/cli.h"

namespace ndl::tools::test {
namespace {

TEST(Bench, Text) {
  const Outcome outcome = run({{"bench", "-", "--min-time=0", "--threads=1"}, kStable});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.starts_with("softmax_stable\nmin "));
  for (const char* line : {"\nmedian ", "\np95 ", "\ncompile ", "\ncalls ", "\nkernels ", "\nGB/s ",
                           "of inputs and outputs, 24 bytes\n"}) {
    EXPECT_TRUE(contains(outcome.out, line)) << line;
  }
}

TEST(Bench, JsonIsThatOfGoogleBenchmark) {
  const Outcome outcome = run({{"bench", "-", "--min-time=0", "--json"}, kStable});
  EXPECT_EQ(outcome.code, 0);
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_GE(report.at("context").at("num_cpus"), 1);
  const auto& entries = report.at("benchmarks");
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[1].at("name"), "softmax_stable_median");
  EXPECT_EQ(entries[1].at("aggregate_name"), "median");
  EXPECT_EQ(entries[1].at("time_unit"), "ns");
  EXPECT_GE(entries[1].at("iterations"), 5);
  EXPECT_LE(entries[0].at("real_time"), entries[1].at("real_time"));
  EXPECT_LE(entries[1].at("real_time"), entries[2].at("real_time"));
  EXPECT_EQ(entries[3].at("name"), "softmax_stable_compile");
}

TEST(Bench, ComparesWithAnOldReport) {
  const std::string old = save("old.json",
                               "{\"benchmarks\": [{\"name\": \"softmax_stable_min\", "
                               "\"real_time\": 2.5, \"time_unit\": \"s\"}]}");
  const Outcome outcome = run({{"bench", "-", "--min-time=0", "--compare=" + old}, kStable});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.out, "new / old\nmin                2.5 s"));
  EXPECT_FALSE(contains(outcome.out.substr(outcome.out.find("new / old")), "median"));

  const Outcome json = run({{"bench", "-", "--min-time=0", "--json", "--compare=" + old}, kStable});
  EXPECT_TRUE(nlohmann::json::accept(json.out));
  EXPECT_TRUE(contains(json.err, "new / old\n"));

  const std::string own = save("own.json", json.out);
  const Outcome again = run({{"bench", "-", "--min-time=0", "--compare=" + own}, kStable});
  for (const char* name : {"\nmin ", "\nmedian ", "\np95 ", "\ncompile "}) {
    EXPECT_TRUE(contains(again.out.substr(again.out.find("new / old")), name)) << name;
  }
}

std::string report(const std::string& name, double seconds) {
  return "{\"name\": \"softmax_stable_" + name +
         "\", \"time_unit\": \"s\", \"real_time\": " + std::to_string(seconds) + "}";
}

TEST(Bench, SlowerThanAnOldReportIsAnError) {
  const auto compare = [](const std::string& entries, const std::vector<std::string>& flags = {}) {
    const std::string old = save("old.json", "{\"benchmarks\": [" + entries + "]}");
    std::vector<std::string> arguments{"bench", "-", "--min-time=0", "--compare=" + old};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return run({arguments, kStable});
  };
  // 100 ns for what takes at least some, and 100 s.
  const std::string fast = "{\"name\": \"softmax_stable_median\", \"real_time\": 0.0001}";
  const std::string fast_min = "{\"name\": \"softmax_stable_min\", \"real_time\": 0.0001}";
  const Outcome slower = compare(fast + ", " + fast_min);
  EXPECT_EQ(slower.code, 3);
  EXPECT_TRUE(contains(slower.out, "new / old\n"));
  EXPECT_TRUE(contains(slower.err, "error: 'softmax_stable' takes "));
  EXPECT_TRUE(contains(slower.err, "old.json', limit 1.100\n"));
  EXPECT_EQ(compare(fast).code, 3);
  EXPECT_EQ(compare(fast, {"--json"}).code, 3);
  EXPECT_EQ(compare(fast, {"--max-slowdown=1e30"}).code, 0);
  // One figure alone is chance.
  EXPECT_EQ(compare(fast + ", " + report("min", 100)).code, 0);
  EXPECT_EQ(compare(report("median", 100)).code, 0);
  // Compiling does not count, and a time of 0 is none.
  EXPECT_EQ(compare("{\"name\": \"softmax_stable_compile\", \"real_time\": 0.0001}").code, 0);
  expect_error(compare("{\"name\": \"softmax_stable_min\", \"real_time\": 0}"), 1,
               {"has no figures of 'softmax_stable'"});
}

TEST(Bench, WrongReports) {
  const auto compare = [](const std::string& text) {
    return run({{"bench", "-", "--min-time=0", "--compare=" + save("r.json", text)}, kStable});
  };
  expect_error(compare("{"), 1, {"is no report of benchmarks"});
  expect_error(compare("[]"), 1, {"is no report of benchmarks"});
  expect_error(compare("{\"benchmarks\": [{\"name\": 3, \"real_time\": 1}]}"), 1, {"no report"});
  expect_error(compare("{\"benchmarks\": []}"), 1, {"has no figures of 'softmax_stable'"});
  expect_error(run({{"bench", "-", "--compare=/no/such.json"}, kStable}), 1, {"/no/such.json"});
}

TEST(Bench, TakesInputs) {
  EXPECT_EQ(run({{"bench", "-", "--min-time=0", "-i", "x=2xf32=1"}, kAdd}).code, 0);
  expect_error(run({{"bench", "-", "-i", "x=3xf32"}, kAdd}), 1, {"x is f32[2]"});
  expect_error(run({{"bench", "-", "-i", "z=2xf32"}, kAdd}), 2, {"no parameter is called 'z'"});
}

TEST(Bench, TakesTheInputsOfWhatPassesMake) {
  EXPECT_EQ(run({{"bench", "-", "--min-time=0", "-p", "vjp,default"}, kAdd}).code, 0);
  EXPECT_EQ(
      run({{"bench", "-", "--min-time=0", "-p", "vmap{size=3},fuse", "-i", "x=3x2xf32"}, kAdd})
          .code,
      0);
}

TEST(Bench, UsageErrors) {
  expect_error(run({{"bench"}}), 2, {"no file is given"});
  expect_error(run({{"bench", "-", "--min-time=-1"}, kStable}), 2, {"--min-time"});
  expect_error(run({{"bench", "-", "--threads=99999"}, kStable}), 2, {"--threads"});
  expect_error(run({{"bench", "-", "--cpu=z80"}, kStable}), 2, {"--cpu"});
  expect_error(run({{"bench", "-", "--seed=x"}, kStable}), 2, {"--seed"});
  expect_error(run({{"bench", "-", "--max-slowdown=-1"}, kStable}), 2, {"--max-slowdown"});
}

}  // namespace
}  // namespace ndl::tools::test
