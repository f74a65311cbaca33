#include "tests/codegen/golden_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ir/parser.h"

namespace ndl::codegen {

std::vector<std::string> golden_files() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("tests/golden")) {
    if (entry.path().extension() == ".ndl") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string golden_file_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param)
                         .lexically_relative("tests/golden")
                         .replace_extension()
                         .string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

ir::Graph read_graph(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return ir::parse(text, path);
}

}  // namespace ndl::codegen
