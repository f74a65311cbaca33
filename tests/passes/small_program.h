// What tests of stabilize share: small programs, and what they compute.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "ir/graph.h"
#include "ir/literal.h"
#include "ir/parser.h"
#include "ir/printer.h"
#include "passes/stabilize.h"

namespace ndl::test {

inline ir::Graph parse_body(const std::string& parameters, const std::string& type,
                            const std::string& body, const std::string& result) {
  return ir::parse(fmt::format("needle 1 graph f({}) -> {} {{\n{}\nreturn {}\n}}", parameters, type,
                               body, result));
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The program after stabilize, which finds nothing more to do in it.
inline ir::Graph stabilized(const ir::Graph& naive) {
  ir::Graph stable = passes::run_stabilize(naive, {});
  EXPECT_EQ(passes::run_stabilize(stable, {}), stable) << ir::print(stable);
  return stable;
}

inline int count(const ir::Graph& graph, ir::Op op) {
  int count = 0;
  for (std::uint32_t id = 0; id < graph.size(); ++id) count += graph.op({id}) == op ? 1 : 0;
  return count;
}

inline void expect_near(std::span<const ir::Literal> a, std::span<const ir::Literal> b,
                        double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    for (std::int64_t i = 0; i < a[k].size(); ++i) {
      const double x = a[k].as_double(i);
      const double y = b[k].as_double(i);
      EXPECT_LE(std::abs(x - y), tolerance * (1 + std::abs(x))) << x << " and " << y;
    }
  }
}

}  // namespace ndl::test
