// ndl check as a process.
#include <gtest/gtest.h>

#include <string>

#include "tests/tools/cli.h"

namespace ndl::tools::test {
namespace {

const std::string kGather =
    "needle 1\n\n"
    "graph take(%x: f32[5], %i: i64[64]) -> f32[64] {\n"
    "  %0 = gather(%x, %i, axis=0) : f32[64]\n"
    "  return %0\n"
    "}\n";

TEST(Check, OneFileIsALine) {
  expect_output(run({{"check", "-"}, kStable}), "-: ok\n");
  expect_output(run({{"check", "-"}, kFused}), "-: ok\n");
}

TEST(Check, ManyFilesAreALineEachAndASum) {
  const std::string a = save("a.ndl", kStable);
  const std::string b = save("b.ndl", kNaive);
  expect_output(run({{"check", a, b, "--iterations=3", "--seed=5"}}),
                a + ": ok\n" + b + ": ok\n2 of 2 files agree\n");
}

TEST(Check, AFileThatCannotBeCheckedDoesNotStopTheOthers) {
  const std::string good = save("good.ndl", kAdd);
  const std::string bad = save("bad.ndl", "needle 1\n\ngraph f(");
  const Outcome outcome = run({{"check", bad, good, "/no/such.ndl"}});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, bad + ": not checked\n" + good +
                             ": ok\n/no/such.ndl: not checked\n1 of 3 files agree\n");
  EXPECT_TRUE(contains(outcome.err, "bad.ndl:3:9: error: expected"));
  EXPECT_TRUE(contains(outcome.err, "error: cannot read '/no/such.ndl'"));
}

TEST(Check, IndicesAreMostlyInRange) {
  // Of 16 seeds two may have indices beyond the end; both ways of running report the same then.
  expect_output(run({{"check", "-", "--iterations=16"}, kGather}), "-: ok\n");
  const std::string fails =
      "needle 1\n\n"
      "graph f(%x: f32[2]) -> f32[1] {\n"
      "  %0 = constant([7]) : i32[1]\n"
      "  %1 = gather(%x, %0, axis=0) : f32[1]\n"
      "  return %1\n"
      "}\n";
  expect_output(run({{"check", "-"}, fails}), "-: ok\n");
}

TEST(Check, TakesPassesAndTarget) {
  expect_output(run({{"check", "-", "--disable=fuse", "--threads=3", "--cpu=x86-64-v3"}, kStable}),
                "-: ok\n");
  EXPECT_TRUE(contains(run({{"check", "-", "--explain=fuse"}, kStable}).err, "edges fused"));
}

// Of a thousand exponentials some differ without fused multiply and add, which is no mistake.
TEST(Check, SaysWhatACpuWithoutFmaDoes) {
  const std::string exponentials =
      "needle 1\n\ngraph f(%x: f32[1000]) -> f32[1000] {\n"
      "  %0 = exp(%x) : f32[1000]\n  return %0\n}\n";
  const Outcome outcome = run({{"check", "-", "--cpu=x86-64"}, exponentials});
  EXPECT_NE(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.err, "note: x86-64 has no fused multiply and add"));
  expect_output(run({{"check", "-", "--cpu=x86-64-v3"}, exponentials}), "-: ok\n");
}

// vjp takes the gradient of the result besides the inputs.
TEST(Check, BeginsWithWhatAPassMakesOfTheSignature) {
  expect_output(run({{"check", "-", "-p", "vjp,canonicalize,fuse"}, kStable}), "-: ok\n");
  expect_output(run({{"check", "-", "-p", "canonicalize,vmap{size=3},fuse"}, kStable}), "-: ok\n");
}

TEST(Check, UsageErrors) {
  expect_error(run({{"check", "-", "--iterations=0"}, kStable}), 2, {"would check nothing"});
  expect_error(run({{"check"}}), 2, {"no file is given"});
  expect_error(run({{"check", "-", "--seed=x"}, kStable}), 2, {"--seed"});
  expect_error(run({{"check", "-", "--iterations=-1"}, kStable}), 2, {"--iterations"});
  expect_error(run({{"check", "-", "--threads=1025"}, kStable}), 2,
               {"--threads: '1025' is not a whole number from 0 to 1024"});
  expect_error(run({{"check", "-", "--cpu=z80"}, kStable}), 2, {"--cpu"});
  expect_error(run({{"check", "-", "--disable=nope"}, kStable}), 2, {"--disable"});
}

}  // namespace
}  // namespace ndl::tools::test
