#include "codegen/memory_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/allocator.h"
#include "tests/random_graph.h"

namespace ndl::codegen {
namespace {

using test::Random;
using Values = std::vector<PlannedValue>;

constexpr std::int64_t kAlignment = runtime::kAlignment;

std::int64_t align(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// The rules again, on every pair of values.
bool obeys_the_rules(const Values& values, const MemoryPlan& plan) {
  const auto count = static_cast<std::int32_t>(values.size());
  if (plan.offsets.size() != values.size() || plan.reuses.size() != values.size()) return false;
  for (std::int32_t b = 0; b < count; ++b) {
    const PlannedValue& y = values[b];
    const std::int64_t at = plan.offsets[b];
    if (at < 0 || at % kAlignment != 0 || at + y.bytes > plan.arena_bytes) return false;
    for (std::int32_t a = 0; a < count; ++a) {
      const PlannedValue& x = values[a];
      const std::int64_t other = plan.offsets[a];
      if (plan.reuses[b] == a) {
        const bool may = std::count(y.in_place_of.begin(), y.in_place_of.end(), a) > 0 &&
                         x.last_step == y.first_step && x.first_step < y.first_step &&
                         other == at && align(y.bytes) <= align(x.bytes) &&
                         std::count(plan.reuses.begin(), plan.reuses.end(), a) == 1;
        if (!may) return false;
      } else if (a != b && plan.reuses[a] != b) {
        const bool together = x.first_step <= y.last_step && y.first_step <= x.last_step;
        const bool meet = other < at + y.bytes && at < other + x.bytes;
        if (together && meet && x.bytes != 0 && y.bytes != 0) return false;
      }
    }
  }
  return true;
}

bool passes_verifier(const Values& values, const MemoryPlan& plan) {
  try {
    verify_memory_plan(values, plan);
    return true;
  } catch (const InternalError&) {
    return false;
  }
}

std::string complaint(const Values& values, const MemoryPlan& plan) {
  try {
    verify_memory_plan(values, plan);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "nothing wrong";
}

// Plans, and checks the plan.
MemoryPlan plan_of(const Values& values) {
  MemoryPlan plan = plan_memory(values);
  EXPECT_NO_THROW(verify_memory_plan(values, plan));
  EXPECT_GE(plan.arena_bytes, lower_bound(values));
  EXPECT_EQ(plan.arena_bytes % kAlignment, 0);
  return plan;
}

TEST(MemoryPlan, OfNothingIsNothing) {
  const MemoryPlan plan = plan_of({});
  EXPECT_TRUE(plan.offsets.empty());
  EXPECT_EQ(plan.arena_bytes, 0);
  EXPECT_EQ(lower_bound({}), 0);
}

TEST(MemoryPlan, ValuesThatNeverMeetShareBytes) {
  const Values values = {{100, 0, 1}, {90, 2, 3}, {128, 4, 4}};
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.arena_bytes, 128);
  EXPECT_EQ(plan.offsets, (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(lower_bound(values), 128);
}

TEST(MemoryPlan, AStepReadsAndWritesAtTheSameTime) {
  const Values values = {{64, 0, 1}, {64, 1, 2}, {64, 2, 3}};
  EXPECT_EQ(plan_of(values).arena_bytes, 128);
}

TEST(MemoryPlan, EveryPlaceIsAligned) {
  const Values values = {{1, 0, 3}, {1, 1, 3}, {65, 2, 3}};
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.arena_bytes, 256);
  EXPECT_EQ(lower_bound(values), 256);
}

TEST(MemoryPlan, ValuesWithoutBytesTakeNoPlace) {
  const Values values = {{0, 0, 9}, {0, 0, 9, {}}, {64, 0, 1}, {0, 1, 9, {2}}, {64, 1, 2, {0}}};
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.arena_bytes, 128);
  EXPECT_EQ(plan.reuses, std::vector<std::int32_t>(5, -1));
  EXPECT_EQ(plan_of({{0, 0, 0}}).arena_bytes, 0);
}

TEST(MemoryPlan, AChainInPlaceIsOnePlace) {
  Values values = {{4096, 0, 1}};
  for (std::int32_t i = 1; i < 1000; ++i) values.push_back({4096, i, i + 1, {i - 1}});
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.arena_bytes, 4096);
  EXPECT_EQ(lower_bound(values), 4096);
  for (std::int32_t i = 0; i < 1000; ++i) EXPECT_EQ(plan.reuses[i], i - 1);
}

TEST(MemoryPlan, OneValueIsTakenOverOnce) {
  const Values values = {{64, 0, 1}, {64, 1, 2, {0}}, {64, 1, 2, {0}}, {64, 2, 2, {2, 1}}};
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.arena_bytes, 128);
  EXPECT_EQ(plan.reuses, (std::vector<std::int32_t>{-1, 0, -1, 2}));
  EXPECT_EQ(lower_bound(values), 128);
}

TEST(MemoryPlan, PassesOverWhatCannotBeTaken) {
  const Values values = {{640, 0, 3},  // lives on
                         {64, 0, 2},   // too small
                         {640, 2, 2},  // begins there too
                         {640, 0, 2},  // this one
                         {640, 2, 3, {0, 1, 2, 3}}};
  const MemoryPlan plan = plan_of(values);
  EXPECT_EQ(plan.reuses, (std::vector<std::int32_t>{-1, -1, -1, -1, 3}));
  EXPECT_EQ(plan.arena_bytes, 640 * 3 + 64);
}

TEST(MemoryPlan, PaddingCanBeTakenOverToo) {
  const Values values = {{60, 0, 1}, {64, 1, 2, {0}}};
  EXPECT_EQ(plan_of(values).arena_bytes, 64);
}

TEST(MemoryPlan, AnOperandOfManyBytesIsNotHeldForAResultOfFew) {
  // A sum of the first value lives as long as the second, which needs the first one's bytes.
  const Values values = {{4096, 0, 1}, {4, 1, 9, {0}}, {4096, 2, 3}, {4096, 4, 5}};
  EXPECT_EQ(plan_of(values).arena_bytes, 4096 + 64);
}

TEST(MemoryPlan, TrainingReusesWhatTheBackwardStepsLetGo) {
  // Forward step i keeps a value for backward step 2n - i, both need one more.
  Values values;
  constexpr std::int32_t kLayers = 100;
  for (std::int32_t i = 0; i < kLayers; ++i) {
    values.push_back({1024, i, 2 * kLayers - i});
    values.push_back({4096, i, i + 1});
    values.push_back({4096, 2 * kLayers - i, 2 * kLayers - i + 1});
  }
  EXPECT_LE(plan_of(values).arena_bytes, lower_bound(values) * 103 / 100);
}

TEST(MemoryPlan, TooManyBytesAreAnErrorOfTheUser) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const Values one = {{kMost, 0, 0}};
  const Values two = {{kMost / 2 + 1, 0, 0}, {kMost / 2, 0, 0}};
  for (const Values& values : {one, two}) {
    EXPECT_THROW(plan_memory(values), ResourceError);
    EXPECT_THROW(lower_bound(values), ResourceError);
  }
  EXPECT_EQ(plan_of({{kMost - 63, 0, 0}}).arena_bytes, kMost - 63);
}

TEST(MemoryPlan, StepsMayBeAnyNumbers) {
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  const Values values = {{64, kLeast, kMost}, {64, kLeast, kLeast}, {64, kMost, kMost, {0}}};
  EXPECT_EQ(plan_of(values).arena_bytes, 128);
}

TEST(MemoryPlan, BrokenValuesAreInternalErrors) {
  EXPECT_THROW(plan_memory(Values{{-1, 0, 0}}), InternalError);
  EXPECT_THROW(plan_memory(Values{{64, 1, 0}}), InternalError);
  EXPECT_THROW(plan_memory(Values{{64, 0, 0, {1}}}), InternalError);
  EXPECT_THROW(plan_memory(Values{{64, 0, 0, {-1}}}), InternalError);
}

TEST(VerifyMemoryPlan, NamesTheValuesThatMeet) {
  const Values values = {{100, 0, 2}, {0, 0, 2}, {64, 2, 3, {0}}};
  const auto complaint_of = [&](std::vector<std::int64_t> offsets, std::int64_t arena,
                                std::vector<std::int32_t> reuses) {
    return complaint(values, {offsets, arena, reuses});
  };
  EXPECT_EQ(complaint_of({0, 0, 128}, 192, {-1, -1, -1}), "nothing wrong");
  EXPECT_EQ(complaint_of({0, 0, 0}, 128, {-1, -1, 0}), "nothing wrong");
  const auto says = [&](const std::string& what, std::string_view text) {
    EXPECT_NE(what.find(text), std::string::npos) << what;
  };
  says(complaint_of({0, 0, 64}, 128, {-1, -1, -1}),
       "value 0, 100 bytes at 0 from step 0 to 2 meets value 2, 64 bytes at 64 from step 2 to 3");
  says(complaint_of({0, 0, 0}, 128, {-1, -1, -1}), "value 0, 100 bytes");
  says(complaint_of({0, 0, 0}, 128, {-1, -1, 1}),
       "value 2, 64 bytes at 0 from step 2 to 3 in place of value 1, 0 bytes");
  says(complaint_of({0, 0, 64}, 128, {-1, -1, 0}), "in place of value 0");
  says(complaint_of({0, 0, 0}, 128, {-1, -1, 3}), "value 2 in place of 3");
  says(complaint_of({8, 0, 128}, 192, {-1, -1, -1}), "misaligned: value 0");
  says(complaint_of({0, 0, 128}, 191, {-1, -1, -1}), "outside an arena of 191 bytes: value 2");
  says(complaint_of({0, -64, 128}, 192, {-1, -1, -1}), "value 1, 0 bytes at -64");
  says(complaint_of({0, 256, 128}, 192, {-1, -1, -1}), "value 1, 0 bytes at 256");
  says(complaint_of({0, 0}, 192, {-1, -1, -1}), "3 values, 2 offsets");
}

TEST(VerifyMemoryPlan, AResultInPlaceHoldsItsBytesOnlyAsLongAsItLives) {
  // 1 takes over the first half of 0 at step 1; from step 2 on the second half is free.
  const auto with = [](std::int32_t first, std::int64_t offset) {
    const Values values = {{128, 0, 1}, {64, 1, 3, {0}}, {64, first, 5}};
    return passes_verifier(values, {{0, 0, offset}, 128, {-1, 0, -1}});
  };
  EXPECT_FALSE(with(1, 64));
  EXPECT_TRUE(with(2, 64));
  EXPECT_FALSE(with(2, 0));
  EXPECT_FALSE(with(3, 0));
  EXPECT_TRUE(with(4, 0));
}

// How long random values live, and how large they are.
enum class Lives { kUniform, kShort, kTraining, kLogarithmic };
enum class Sizes { kUniform, kLogarithmic, kFew };
constexpr std::string_view kLivesNames[] = {"uniform", "short", "training", "logarithmic"};
constexpr std::string_view kSizesNames[] = {"uniform", "logarithmic", "few"};

std::int64_t random_bytes(Random& random, Sizes sizes) {
  switch (sizes) {
    case Sizes::kUniform:
      return random.below(1 << 16);
    case Sizes::kLogarithmic:
      return random.below(std::int64_t{2} << random.between(0, 21));
    case Sizes::kFew:
      return random.choose(std::vector<std::int64_t>{4, 4'000, 40'000, 40'000, 100'352, 256'000});
  }
  return 0;
}

Values random_values(Random& random, std::int64_t count, Lives lives, Sizes sizes) {
  Values values;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t first = random.below(count);
    std::int64_t last = first + random.below(2);
    switch (lives) {
      case Lives::kUniform:
        last = random.below(count);
        break;
      case Lives::kShort:
        last = first + random.between(0, 8);
        break;
      case Lives::kTraining:  // half of them are kept for the mirrored step
        if (i % 2 == 0) last = 2 * count - first;
        if (i % 4 == 1) first = last = count + first;
        break;
      case Lives::kLogarithmic:
        last = first + random.below(std::int64_t{2} << random.below(14)) % count;
        break;
    }
    values.push_back({random_bytes(random, sizes), static_cast<std::int32_t>(std::min(first, last)),
                      static_cast<std::int32_t>(std::max(first, last))});
  }
  return values;
}

// Lets a half of them be written in place of some values, not all of which can be.
void add_in_place(Random& random, Values& values) {
  std::vector<std::vector<std::int32_t>> ending(3 * values.size() + 10);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ending[static_cast<std::size_t>(values[i].last_step)].push_back(static_cast<std::int32_t>(i));
  }
  for (PlannedValue& value : values) {
    if (random.one_in(2)) continue;
    const auto& operands = ending[static_cast<std::size_t>(value.first_step)];
    for (std::int64_t k = random.between(0, 3); k > 0 && !operands.empty(); --k) {
      value.in_place_of.push_back(random.choose(operands));
      // Often of the same size, as operands of elementwise ops are.
      if (random.one_in(2)) value.bytes = values[value.in_place_of.back()].bytes;
    }
    if (random.one_in(8)) {
      value.in_place_of.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::int64_t>(values.size()))));
    }
  }
}

TEST(MemoryPlan, RandomPlansObeyTheRulesAndAreSmall) {
  Random random(1);
  for (const bool in_place : {false, true}) {
    for (int lives = 0; lives < 4; ++lives) {
      for (int sizes = 0; sizes < 3; ++sizes) {
        double sum = 0;
        double most = 1;
        constexpr int kPlans = 200;
        for (int round = 0; round < kPlans; ++round) {
          Values values = random_values(random, random.between(1, round % 20 == 0 ? 300 : 50),
                                        static_cast<Lives>(lives), static_cast<Sizes>(sizes));
          if (in_place) add_in_place(random, values);
          const MemoryPlan plan = plan_of(values);
          ASSERT_TRUE(obeys_the_rules(values, plan));
          const std::int64_t least = lower_bound(values);
          const double ratio =
              least == 0 ? 1 : static_cast<double>(plan.arena_bytes) / static_cast<double>(least);
          sum += ratio;
          most = std::max(most, ratio);
        }
        RecordProperty(fmt::format("{}_lives_{}_sizes{}", kLivesNames[lives], kSizesNames[sizes],
                                   in_place ? "_in_place" : ""),
                       fmt::format("{:.3f} on average, {:.2f} at most", sum / kPlans, most));
        EXPECT_LE(sum / kPlans, 1.05);
        EXPECT_LE(most, 1.5);
      }
    }
  }
}

// A plan that is wrong is found by the verifier exactly when it is found pair by pair.
TEST(VerifyMemoryPlan, FindsEveryBrokenPlan) {
  Random random(2);
  int broken = 0;
  int sound = 0;
  for (int round = 0; round < 3'000; ++round) {
    Values values = random_values(random, random.between(2, 30),
                                  static_cast<Lives>(random.below(4)), Sizes::kUniform);
    for (PlannedValue& value : values) value.bytes = random.below(400);
    add_in_place(random, values);
    const auto count = static_cast<std::int64_t>(values.size());
    const MemoryPlan plan = plan_of(values);
    for (int change = 0; change < 10; ++change) {
      MemoryPlan changed = plan;
      Values changed_values = values;
      const auto i = static_cast<std::size_t>(random.below(count));
      switch (random.below(8)) {
        case 0:
          changed.offsets[i] += kAlignment * random.between(-2, 2);
          break;
        case 1:
          changed.offsets[i] = random.choose(plan.offsets);
          break;
        case 2:
          changed.offsets[i] += random.between(-kAlignment, kAlignment);
          break;
        case 3:
          changed.arena_bytes -= random.between(0, 2 * kAlignment);
          break;
        case 4:
          changed.reuses[i] = static_cast<std::int32_t>(random.between(-1, count - 1));
          break;
        case 5:
          changed_values[i].last_step += static_cast<std::int32_t>(random.between(0, 2));
          break;
        case 6:
          changed_values[i].bytes += random.between(0, 2 * kAlignment);
          break;
        case 7:
          changed_values[i].in_place_of.clear();
          break;
      }
      const bool is_sound = obeys_the_rules(changed_values, changed);
      ASSERT_EQ(passes_verifier(changed_values, changed), is_sound)
          << complaint(changed_values, changed);
      ++(is_sound ? sound : broken);
    }
  }
  RecordProperty("broken", broken);
  EXPECT_GT(broken, 5'000);
  EXPECT_GT(sound, 5'000);
}

TEST(MemoryPlan, IsTheSameForTheSameValues) {
  Random random(3);
  Values values = random_values(random, 500, Lives::kLogarithmic, Sizes::kFew);
  add_in_place(random, values);
  const MemoryPlan a = plan_memory(values);
  const MemoryPlan b = plan_memory(values);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_EQ(a.reuses, b.reuses);
}

TEST(MemoryPlan, ManyValuesTakeLittleTime) {
  for (const std::int64_t count : {4'096, 100'000}) {
    for (int lives = 0; lives < 4; ++lives) {
      Random random(4);
      Values values = random_values(random, count, static_cast<Lives>(lives), Sizes::kLogarithmic);
      if (lives % 2 == 1) add_in_place(random, values);
      // Of the CPU: the machine may be busy.
      const std::clock_t begin = std::clock();
      const MemoryPlan plan = plan_memory(values);
      const std::clock_t planned = std::clock();
      verify_memory_plan(values, plan);
      const std::clock_t verified = std::clock();
      constexpr double kMillisecond = CLOCKS_PER_SEC / 1e3;
      const double planning = static_cast<double>(planned - begin) / kMillisecond;
      const double verifying = static_cast<double>(verified - planned) / kMillisecond;
      const double ratio =
          static_cast<double>(plan.arena_bytes) / static_cast<double>(lower_bound(values));
      RecordProperty(fmt::format("{}_lives_of_{}", kLivesNames[lives], count),
                     fmt::format("{:.0f} ms, verified in {:.0f} ms, {:.3f} times the bound",
                                 planning, verifying, ratio));
      EXPECT_LE(ratio, 1.5);
      EXPECT_LT(planning, 10'000);  // under sanitizers; a quarter of a second otherwise
    }
  }
}

}  // namespace
}  // namespace ndl::codegen
