#include "base/flags.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"

namespace ndl {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

const FlagDef* find_flag(std::string_view name) {
  const auto flags = all_flags();
  const auto it = std::ranges::find(flags, name, &FlagDef::name);
  return it == flags.end() ? nullptr : &*it;
}

[[noreturn]] void throw_unknown_flag(std::string_view written, std::string_view name) {
  std::vector<std::string_view> names;
  for (const FlagDef& def : all_flags()) names.push_back(def.name);
  const std::string_view near = nearest_name(name, names);
  if (near.empty()) throw_error<UsageError>("unknown flag '{}'", excerpt(written));
  throw_error<UsageError>("unknown flag '{}'; did you mean '--{}'?", excerpt(written), near);
}

[[noreturn]] void throw_needs_value(const FlagDef& def) {
  throw_error<UsageError>("--{} needs a value: --{}={}", def.name, def.name, def.value);
}

void apply_word(Flags& flags, std::string_view word) {
  if (!word.starts_with("--")) {
    throw_error<UsageError>("'{}' is not a flag: flags begin with '--', values follow a '='",
                            excerpt(word));
  }
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(2, equals == word.npos ? word.npos : equals - 2);
  const FlagDef* def = find_flag(name);
  if (def == nullptr) throw_unknown_flag(word.substr(0, equals), name);
  if (equals == word.npos) {
    set_bare_flag(flags, *def);
  } else {
    set_flag(flags, *def, word.substr(equals + 1));
  }
}

}  // namespace

std::span<const FlagDef> all_flags() {
  static const std::vector<FlagDef> table = {
      {"print-after", &Flags::print_after, "all|REGEX",
       "print the graph after every pass, or after those whose name matches"},
      {"print-changed",
       &Flags::print_changed,
       "graph|diff",
       "print the graph, or what differs, after passes that change it",
       "graph",
       {"graph", "diff"}},
      {"verify-each", &Flags::verify_each, "", "verify the graph after every pass"},
      {"timing", &Flags::timing, "", "print the time each pass took"},
      {"explain",
       &Flags::explain,
       "fuse|stabilize|canonicalize",
       "print why each pair of ops became one kernel or not, or which rules were applied where",
       "",
       {"fuse", "stabilize", "canonicalize"}},
      {"disable", &Flags::disable, "PASS|RULE,...", "switch passes or rules off"},
      {"dump-to", &Flags::dump_to, "DIR",
       "write the graph before the first and after each pass to DIR/NN-PASS.ndl, and what it is "
       "compiled to as DIR/kernels.loops, .ll and .s"},
  };
  return table;
}

void set_flag(Flags& flags, const FlagDef& def, std::string_view value) {
  switch (def.kind()) {
    case FlagKind::kBoolean:
      if (value != "true" && value != "false") {
        throw_error<UsageError>("--{}: '{}' is neither true nor false", def.name, excerpt(value));
      }
      flags.*std::get<bool Flags::*>(def.member) = value == "true";
      return;
    case FlagKind::kText:
      if (value.empty()) throw_needs_value(def);
      if (!def.choices.empty() && std::ranges::find(def.choices, value) == def.choices.end()) {
        throw_error<UsageError>("--{}: '{}' is not one of {}", def.name, excerpt(value),
                                fmt::join(def.choices, ", "));
      }
      flags.*std::get<std::string Flags::*>(def.member) = value;
      return;
    case FlagKind::kList:
      for (const std::string_view item : split(value, ',')) {
        if (trim(item).empty())
          throw_error<UsageError>("--{}: an empty name in the list", def.name);
        (flags.*std::get<std::vector<std::string> Flags::*>(def.member)).emplace_back(trim(item));
      }
      return;
  }
}

void set_bare_flag(Flags& flags, const FlagDef& def) {
  if (def.needs_value()) throw_needs_value(def);
  set_flag(flags, def, def.kind() == FlagKind::kBoolean ? "true" : def.bare);
}

Flags parse_flags(std::string_view text) {
  Flags flags;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kWhiteSpace);
    if (begin == text.npos) return flags;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kWhiteSpace));
    text.remove_prefix(word.size());
    apply_word(flags, word);
  }
}

Flags flags_from_environment(const std::function<void(const Flags&)>& check) {
  const char* text = std::getenv("NDL_FLAGS");
  if (text == nullptr) return {};
  try {
    Flags flags = parse_flags(text);
    if (check) check(flags);
    return flags;
  } catch (const UsageError& error) {
    throw_error<UsageError>("NDL_FLAGS: {}", error.message());
  }
}

}  // namespace ndl
