// The valid IR files of tests/golden, as parameters of tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ir/graph.h"

namespace ndl::codegen {

std::vector<std::string> golden_files();
std::string golden_file_name(const testing::TestParamInfo<std::string>& info);

ir::Graph read_graph(const std::string& path);

}  // namespace ndl::codegen
