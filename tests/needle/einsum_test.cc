// einsum against sums over all indices.
#include "needle/einsum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "needle/needle.h"

namespace ndl {
namespace {

// Small integers, so that sums are exact in whatever order.
Tensor numbers(const ir::Shape& shape, std::uint64_t seed) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
    values.push_back(
        static_cast<double>(mix_bits(seed * 1000 + static_cast<std::uint64_t>(i)) % 7) - 3);
  }
  return Tensor(values, shape);
}

double at(const Tensor& x, const std::vector<double>& elements, std::string_view labels,
          const std::map<char, std::int64_t>& index) {
  std::int64_t position = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int64_t extent = x.shape()[i];
    position = position * extent + (extent == 1 ? 0 : index.at(labels[i]));
  }
  return elements[static_cast<std::size_t>(position)];
}

// The elements of the result of an equation with an arrow and without dots.
std::vector<double> by_definition(std::string_view equation, const std::vector<Tensor>& operands) {
  const std::size_t arrow = equation.find("->");
  const std::vector<std::string_view> parts = split(equation.substr(0, arrow), ',');
  const std::string_view result = equation.substr(arrow + 2);
  std::map<char, std::int64_t> extents;
  std::vector<std::vector<double>> elements;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    elements.push_back(operands[k].to_vector<double>());
    for (std::size_t i = 0; i < parts[k].size(); ++i) {
      std::int64_t& extent = extents[parts[k][i]];
      extent = std::max(extent, operands[k].shape()[i]);
    }
  }
  std::int64_t size = 1;
  for (const char label : result) size *= extents[label];
  std::vector<double> sums(static_cast<std::size_t>(size));
  std::map<char, std::int64_t> index;
  for (const auto& [label, extent] : extents) index[label] = 0;
  const auto next = [&] {
    for (auto& [label, value] : index) {
      if (++value < extents[label]) return true;
      value = 0;
    }
    return false;
  };
  do {
    double product = 1;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      product *= at(operands[k], elements[k], parts[k], index);
    }
    std::int64_t position = 0;
    for (const char label : result) position = position * extents[label] + index[label];
    sums[static_cast<std::size_t>(position)] += product;
  } while (next());
  return sums;
}

struct Case {
  const char* equation;
  std::vector<ir::Shape> shapes;
};

const Case kCases[] = {
    {"ij,jk->ik", {{2, 3}, {3, 4}}},
    {"ij,jk->ki", {{2, 3}, {3, 4}}},
    {"ij,kj->ik", {{2, 3}, {4, 3}}},
    {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}},
    {"bhqd,bhkd->bhqk", {{2, 3, 4, 5}, {2, 3, 6, 5}}},
    {"ibj,jbk->bki", {{2, 3, 4}, {4, 3, 2}}},
    {"i,i->", {{5}, {5}}},
    {"i,j->ij", {{3}, {4}}},
    {"i,j->ji", {{3}, {4}}},
    {"ij->ji", {{2, 3}}},
    {"ij->", {{2, 3}}},
    {"ij->j", {{2, 3}}},
    {"ii->i", {{3, 3}}},
    {"ii->", {{3, 3}}},
    {"iji->j", {{3, 2, 3}}},
    {"iii->i", {{3, 3, 3}}},
    {"ii,ij->j", {{3, 3}, {3, 2}}},
    {"ij,ij->ij", {{2, 3}, {2, 3}}},
    {"ij,ij->i", {{2, 3}, {2, 3}}},
    {"ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 2}}},
    {"ij,jk,ik->", {{2, 3}, {3, 4}, {2, 4}}},
    {"abc,cd,ade->be", {{2, 3, 4}, {4, 5}, {2, 5, 3}}},
    {"ij,k->ik", {{2, 3}, {4}}},
    {"ij,jk->ik", {{2, 1}, {3, 4}}},
    {"ij,ij->ij", {{2, 1}, {1, 3}}},
    {"ij,jk->ik", {{2, 1}, {1, 4}}},
    {",i->i", {{}, {3}}},
};

class EinsumCase : public testing::TestWithParam<Case> {};

TEST_P(EinsumCase, IsTheSumOverAllIndices) {
  std::vector<Tensor> operands;
  for (std::size_t i = 0; i < GetParam().shapes.size(); ++i) {
    operands.push_back(numbers(GetParam().shapes[i], i + 1));
  }
  EXPECT_EQ(einsum(GetParam().equation, operands).to_vector<double>(),
            by_definition(GetParam().equation, operands))
      << GetParam().equation;
}

INSTANTIATE_TEST_SUITE_P(Cases, EinsumCase, testing::ValuesIn(kCases));

TEST(Einsum, WithoutAnArrow) {
  const Tensor a = numbers({2, 3}, 1);
  const Tensor b = numbers({3, 4}, 2);
  EXPECT_EQ(einsum("kj,ji", {a, b}).to_vector<double>(),
            einsum("kj,ji->ik", {a, b}).to_vector<double>());
  EXPECT_EQ(einsum("ba", {a}).shape(), ir::Shape({3, 2}));
  EXPECT_EQ(einsum("ii", {numbers({3, 3}, 3)}).rank(), 0U);
}

TEST(Einsum, Dots) {
  const Tensor a = numbers({2, 3, 4}, 1);
  const Tensor b = numbers({4, 5}, 2);
  EXPECT_EQ(einsum("...i,ij->...j", {a, b}).to_vector<double>(),
            einsum("abi,ij->abj", {a, b}).to_vector<double>());
  EXPECT_EQ(einsum("...i->...", {a}).to_vector<double>(), sum(a, 2).to_vector<double>());
  // As many as there are, aligned at the end; extent 1 stretches.
  const Tensor c = numbers({3, 1, 4}, 3);
  const Tensor d = numbers({2, 4}, 4);
  EXPECT_EQ(einsum("...i,...i->...i", {c, d}).to_vector<double>(), (c * d).to_vector<double>());
  EXPECT_EQ(einsum("...,...", {c, d}).shape(), ir::Shape({3, 2, 4}));
}

TEST(Einsum, HasGradients) {
  const Tensor a = numbers({2, 3}, 1);
  const Tensor b = numbers({3, 4}, 2);
  einsum("ij,jk->", {a, b}).backward();
  EXPECT_EQ(a.grad().to_vector<double>(), matmul(ones({2, 4}), b.transpose()).to_vector<double>());
}

TEST(Einsum, DTypesMeet) {
  const Tensor a(std::vector<int>{1, 2});
  EXPECT_EQ(einsum("i,i->", {a, Tensor({0.5, 1})}).item(), 2.5F);
  EXPECT_EQ(einsum("i,i->", {a, a}).dtype(), DType::kI32);
}

TEST(Einsum, Mistakes) {
  const Tensor a = numbers({2, 3}, 1);
  EXPECT_THROW(einsum("ij,jk->ik", {a}), ShapeError);
  EXPECT_THROW(einsum("ijk->i", {a}), ShapeError);
  EXPECT_THROW(einsum("i->i", {a}), ShapeError);
  EXPECT_THROW(einsum("ij,ij->i", {a, numbers({3, 2}, 2)}), ShapeError);
  EXPECT_THROW(einsum("ij->ik", {a}), ParseError);
  EXPECT_THROW(einsum("ij->ii", {a}), ParseError);
  EXPECT_THROW(einsum("i1->i", {a}), Error);
  EXPECT_THROW(einsum("ij->i->j", {a}), ParseError);
  EXPECT_THROW(einsum("", std::vector<Tensor>{}), ShapeError);
}

}  // namespace
}  // namespace ndl
