#include "base/flags.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/error.h"

namespace ndl {
namespace {

std::string message_of(std::string_view text) {
  try {
    parse_flags(text);
  } catch (const UsageError& error) {
    return error.message();
  }
  return "no error";
}

TEST(Flags, NothingIsAllDefaults) {
  for (const char* text : {"", " ", "\t\n"}) {
    const Flags flags = parse_flags(text);
    EXPECT_FALSE(flags.verify_each);
    EXPECT_FALSE(flags.timing);
    EXPECT_EQ(flags.print_after, "");
    EXPECT_EQ(flags.print_changed, "");
    EXPECT_TRUE(flags.disable.empty());
    EXPECT_EQ(flags.dump_to, "");
    EXPECT_EQ(flags.explain, "");
  }
}

TEST(Flags, EveryKind) {
  const Flags flags = parse_flags(
      " --verify-each\t--timing=false --print-after=all --disable=a,b --print-changed "
      "--disable=c --dump-to=/tmp/x=y\n");
  EXPECT_TRUE(flags.verify_each);
  EXPECT_FALSE(flags.timing);
  EXPECT_EQ(flags.print_after, "all");
  EXPECT_EQ(flags.print_changed, "graph");
  EXPECT_EQ(flags.disable, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(flags.dump_to, "/tmp/x=y");
}

TEST(Flags, TheLastOneCounts) {
  EXPECT_EQ(parse_flags("--print-changed=diff --print-changed").print_changed, "graph");
  EXPECT_FALSE(parse_flags("--timing --timing=false").timing);
}

TEST(Flags, Mistakes) {
  EXPECT_EQ(message_of("--verify-eech"),
            "unknown flag '--verify-eech'; did you mean '--verify-each'?");
  EXPECT_EQ(message_of("--wibble=1"), "unknown flag '--wibble'");
  EXPECT_EQ(message_of("verify-each"),
            "'verify-each' is not a flag: flags begin with '--', values follow a '='");
  EXPECT_EQ(message_of("--timing=yes"), "--timing: 'yes' is neither true nor false");
  EXPECT_EQ(message_of("--print-changed=all"), "--print-changed: 'all' is not one of graph, diff");
  EXPECT_EQ(message_of("--explain"),
            "--explain needs a value: --explain=fuse|stabilize|canonicalize");
  EXPECT_EQ(message_of("--explain=dce"),
            "--explain: 'dce' is not one of fuse, stabilize, canonicalize");
  EXPECT_EQ(message_of("--dump-to"), "--dump-to needs a value: --dump-to=DIR");
  EXPECT_EQ(message_of("--dump-to="), "--dump-to needs a value: --dump-to=DIR");
  EXPECT_EQ(message_of("--disable=a,,b"), "--disable: an empty name in the list");
  EXPECT_EQ(message_of("--\x1b[31m"), "unknown flag '--\\x1b[31m'");
}

TEST(Flags, TheEnvironment) {
  ::setenv("NDL_FLAGS", "--timing", 1);
  EXPECT_TRUE(flags_from_environment().timing);
  ::setenv("NDL_FLAGS", "--tming", 1);
  try {
    flags_from_environment();
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_EQ(error.message(), "NDL_FLAGS: unknown flag '--tming'; did you mean '--timing'?");
  }
  ::setenv("NDL_FLAGS", "--disable=wibble", 1);
  try {
    flags_from_environment(
        [](const Flags& flags) { throw_error<UsageError>("no {}", flags.disable.at(0)); });
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_EQ(error.message(), "NDL_FLAGS: no wibble");
  }
  ::unsetenv("NDL_FLAGS");
  EXPECT_FALSE(flags_from_environment().timing);
}

TEST(Flags, EveryRowIsWellFormed) {
  std::set<std::string_view> names;
  for (const FlagDef& def : all_flags()) {
    EXPECT_TRUE(names.insert(def.name).second) << def.name;
    EXPECT_FALSE(def.doc.empty()) << def.name;
    EXPECT_EQ(def.value.empty(), def.kind() == FlagKind::kBoolean) << def.name;
    Flags flags;
    if (!def.needs_value()) {
      EXPECT_NO_THROW(set_bare_flag(flags, def)) << def.name;
    }
    for (const std::string_view choice : def.choices) {
      EXPECT_NO_THROW(set_flag(flags, def, choice)) << def.name;
    }
  }
}

}  // namespace
}  // namespace ndl
