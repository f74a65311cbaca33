// Debugging flags of the whole library: one table, read from NDL_FLAGS and from a command line.
//
//   NDL_FLAGS="--verify-each --disable=canonicalize" ./program
//
// A flag is a member of Flags and a row of all_flags(); its spelling, its help and both ways of
// setting it come from the row.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ndl {

struct Flags {
  std::string print_after;    // "all", or a regular expression over pass names
  std::string print_changed;  // "graph" or "diff"; empty is off
  bool verify_each = false;
  bool timing = false;
  std::string explain;               // "fuse", "stabilize" or "canonicalize"; empty is off
  std::vector<std::string> disable;  // passes and rules
  std::string dump_to;               // a folder; empty is off

  bool operator==(const Flags&) const = default;
};

enum class FlagKind {
  kBoolean,  // --name, or --name=true|false
  kText,     // --name=VALUE
  kList,     // --name=A,B, and again for more
};

struct FlagDef {
  using Member =
      std::variant<bool Flags::*, std::string Flags::*, std::vector<std::string> Flags::*>;

  std::string_view name;  // "print-after"
  Member member;
  std::string_view value;  // what the value is called in the help: "all|REGEX"
  std::string_view doc;
  // Text only: what the bare flag stands for; empty if a value must be given.
  std::string_view bare = "";
  // Text only: the values allowed, if not any.
  std::vector<std::string_view> choices = {};

  FlagKind kind() const { return static_cast<FlagKind>(member.index()); }
  bool needs_value() const { return kind() != FlagKind::kBoolean && bare.empty(); }
};

std::span<const FlagDef> all_flags();

// Sets what `def` stands for: a list grows, anything else is replaced. Throws UsageError for a
// value that the row does not allow.
void set_flag(Flags& flags, const FlagDef& def, std::string_view value);
// The flag as written without "=VALUE". Throws UsageError if it needs one.
void set_bare_flag(Flags& flags, const FlagDef& def);

// Flags separated by white space, as in NDL_FLAGS: "--verify-each --print-after=all". Throws
// UsageError that names the flag, and the one that may have been meant.
Flags parse_flags(std::string_view text);
// What the environment variable NDL_FLAGS says; all defaults when it is not set. `check` may refuse
// it with a UsageError. The message of any error begins with "NDL_FLAGS: ".
Flags flags_from_environment(const std::function<void(const Flags&)>& check = {});

}  // namespace ndl
