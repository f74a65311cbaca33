#include "needle/module.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>

#include "needle/needle.h"

namespace ndl::nn {
namespace {

struct ScaleAdd : Module {
  Parameter s{1};
  Parameter b{0};
  Tensor operator()(const Tensor& x) const { return x * s + b; }
};

struct MultiPath : Module {
  ScaleAdd path0, path1;
  Tensor operator()(const Tensor& x) const { return path0(x) + path1(x); }
};

std::vector<std::string> names(const auto& model) {
  std::vector<std::string> list;
  for (const NamedTensor& parameter : named_parameters(model)) list.push_back(parameter.name);
  return list;
}

using Names = std::vector<std::string>;

TEST(Module, TheLecture) {
  const MultiPath model;
  std::vector<std::string> values;
  for (const Tensor& parameter : parameters(model)) values.push_back(parameter.to_string());
  EXPECT_EQ(values, (Names{"[1.]", "[0.]", "[1.]", "[0.]"}));
  EXPECT_EQ(names(model), (Names{"path0.s", "path0.b", "path1.s", "path1.b"}));
  EXPECT_EQ(model(Tensor({2})).item(), 4);
}

TEST(Module, ParametersAreHandles) {
  const ScaleAdd model;
  for (Tensor& w : parameters(model)) w.set_data(w.data() + 1);
  EXPECT_EQ(model(Tensor({10})).item(), 21);
  EXPECT_TRUE(parameters(model)[0].is(model.s));
}

TEST(Module, CopiesAreModelsOfTheirOwn) {
  ScaleAdd model;
  ScaleAdd copy = model;
  model.s.set_data(Tensor({5}));
  EXPECT_EQ(copy.s.item(), 1);
  copy = model;
  EXPECT_EQ(copy.s.item(), 5);
  EXPECT_FALSE(copy.s.is(model.s));
  const ScaleAdd moved = std::move(copy);
  EXPECT_EQ(moved.s.item(), 5);
}

TEST(Module, SharedParameters) {
  const ScaleAdd a;
  const ScaleAdd b{{}, a.s.share(), {3}};
  EXPECT_TRUE(b.s.is(a.s));
  Tensor handle = a.s;
  handle.set_data(Tensor({9}));
  EXPECT_EQ(b.s.item(), 9);
}

struct Containers : Module {
  std::vector<ScaleAdd> layers = std::vector<ScaleAdd>(2);
  std::array<Parameter, 2> pair = {Parameter{1}, Parameter{2}};
  std::optional<Parameter> none;
  std::optional<ScaleAdd> some = ScaleAdd();
  std::map<std::string, Parameter> named = {{"x", Parameter{1}}};
  std::unique_ptr<ScaleAdd> owned = std::make_unique<ScaleAdd>();
  std::tuple<int, Parameter> tuple = {3, Parameter{1}};
  Tensor buffer{1};
  std::string text = "text";
  std::function<int()> function;
  float rate = 0.5;
};

TEST(Module, Containers) {
  EXPECT_EQ(names(Containers()),
            (Names{"layers.0.s", "layers.0.b", "layers.1.s", "layers.1.b", "pair.0", "pair.1",
                   "some.s", "some.b", "named.x", "owned.s", "owned.b", "tuple.1"}));
}

class Linear : public Module {
 public:
  Linear(int in, int out)
      : weight_(std::vector<float>(static_cast<std::size_t>(in * out)), {in, out}),
        bias_(std::vector<float>(static_cast<std::size_t>(out))) {}

  NDL_MEMBERS(weight_, bias_)

 private:
  Parameter weight_;
  Parameter bias_;
};

struct Network : Module {
  Linear first{3, 2};
  Linear second{2, 1};
};

TEST(Module, ListedMembers) {
  EXPECT_EQ(names(Network()),
            (Names{"first.weight_", "first.bias_", "second.weight_", "second.bias_"}));
  EXPECT_EQ(parameters(Network())[0].shape(), ir::Shape({3, 2}));
}

struct Empty : Module {};

struct Sixteen : Module {
  Parameter a{1}, b{1}, c{1}, d{1}, e{1}, f{1}, g{1}, h{1};
  Parameter i{1}, j{1}, k{1}, l{1}, m{1}, n{1}, o{1}, p{1};
};

TEST(Module, FromNoneToSixteenMembers) {
  EXPECT_TRUE(parameters(Empty()).empty());
  EXPECT_EQ(parameters(Sixteen()).size(), 16u);
  EXPECT_EQ(names(Sixteen()).back(), "p");
}

TEST(Module, ContainersOfModules) {
  const std::vector<ScaleAdd> models(2);
  EXPECT_EQ(names(models), (Names{"0.s", "0.b", "1.s", "1.b"}));
}

TEST(Module, Parameters) {
  const Tensor data({1, 2}, {.requires_grad = false});
  const Parameter parameter(data);
  EXPECT_TRUE(parameter.requires_grad());
  EXPECT_EQ(parameter.to_string(), "[1. 2.]");
  EXPECT_TRUE((parameter * 2).inputs()[0].is(parameter));
}

}  // namespace
}  // namespace ndl::nn
