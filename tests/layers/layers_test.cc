// Checks every #include against layers.bzl: Bazel 4.2.3 sees direct dependencies only, and a header
// that some dependency makes reachable compiles whether or not the layers allow it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

using Sources = std::map<std::string, std::string>;  // path in the workspace -> text

const std::map<std::string, std::set<std::string>> kMayInclude = {
#include "tests/layers/layer_table.inc"
};

std::string layer_of(std::string_view path) {
  std::string folder(path.substr(0, path.find('/')));
  return folder == "llvm-c" ? "llvm" : folder;
}

// The layers of the table, and llvm, which only appears as something that may be included.
bool is_layer(const std::string& folder) {
  return folder == "llvm" || kMayInclude.contains(folder);
}

// One line for each wrong include, empty if there is none.
std::string violations(const Sources& sources) {
  static const std::regex kInclude(
      R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n/]+/[^>"\n]+)[>"])re");
  std::string found;
  for (const auto& [path, text] : sources) {
    const std::string from = layer_of(path);
    if (!kMayInclude.contains(from)) {
      found += path + ": " + from + "/ has no row in layers.bzl\n";
      continue;
    }
    for (std::sregex_iterator it(text.begin(), text.end(), kInclude), end; it != end; ++it) {
      const std::string included = (*it)[1];
      const std::string to = layer_of(included);
      if (!is_layer(to)) continue;
      if (to != from && !kMayInclude.at(from).contains(to)) {
        found += path + ": " + from + "/ must not include " + included + "\n";
      } else if (to != "llvm" && !sources.contains(included)) {
        found +=
            path + ": " + included + " is not scanned: add its package's :sources to the test\n";
      }
    }
  }
  return found;
}

Sources read_sources() {
  Sources sources;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::current_path())) {
    static const std::set<std::string> kExtensions = {".cc", ".def", ".h"};
    if (!entry.is_regular_file() || !kExtensions.contains(entry.path().extension())) continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    sources[entry.path().lexically_relative(fs::current_path())] = text;
  }
  return sources;
}

TEST(LayersTest, EveryIncludeIsAllowed) {
  const Sources sources = read_sources();
  EXPECT_FALSE(sources.empty());
  EXPECT_EQ(violations(sources), "");
}

TEST(LayersTest, AllowedIncludes) {
  EXPECT_EQ(violations({{"base/a.h", "#include <vector>\n#include <fmt/format.h>\n"},
                        {"ir/b.h", "#pragma once\n#include \"base/a.h\"\n"},
                        {"ir/math/c.cc", "#include \"ir/b.h\"\n// #include \"passes/d.h\"\n"},
                        {"codegen/e.cc", "#include <llvm/IR/Module.h>\n#include \"ir/b.h\"\n"}}),
            "");
}

TEST(LayersTest, ForbiddenIncludesAreNamed) {
  EXPECT_EQ(violations({{"base/a.h", "#include \"ir/b.h\""}}),
            "base/a.h: base/ must not include ir/b.h\n");
  EXPECT_EQ(violations({{"passes/a.cc", "\n\n  #  include <runtime/b.h>\n"}}),
            "passes/a.cc: passes/ must not include runtime/b.h\n");
  EXPECT_EQ(violations({{"runtime/a.cc", "#include <llvm/IR/Module.h>\n"}}),
            "runtime/a.cc: runtime/ must not include llvm/IR/Module.h\n");
  EXPECT_EQ(violations({{"needle/a.cc", "#include \"llvm-c/Core.h\"\n"}}),
            "needle/a.cc: needle/ must not include llvm-c/Core.h\n");
}

TEST(LayersTest, UnknownFoldersAndUnscannedFilesAreNamed) {
  EXPECT_EQ(violations({{"util/a.h", ""}}), "util/a.h: util/ has no row in layers.bzl\n");
  EXPECT_EQ(violations({{"ir/a.h", "#include \"base/b.h\"\n"}}),
            "ir/a.h: base/b.h is not scanned: add its package's :sources to the test\n");
}

}  // namespace
