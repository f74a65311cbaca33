// Prints docs/fusion.md: kernels, launches and bytes of models, op by op and fused, counted from
// what they are compiled to.
#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codegen/launch_counts.h"
#include "codegen/lower_graph.h"
#include "codegen/schedule.h"
#include "needle/lower.h"
#include "needle/needle.h"
#include "needle/trace.h"
#include "passes/pass.h"

namespace ndl {
namespace {

constexpr const char* kHead = R"(# Fusion

What a call of a compiled model runs: op by op, and fused. Kernels are all that run; a reduction to few
rows is several, and so is a product whose operand is laid out first. The next column has those of them
that fill, copy or check indices rather than compute. Kernels that need nothing of each other are one
launch. Bytes are those of the buffers that kernels read and write. Written by
`bazel run //tests/needle:fusion_page`.

| model | kernels | fused | of these | launches | MB moved | fused |
|---|---|---|---|---|---|---|
)";

constexpr std::string_view kBeforeFusion = "canonicalize,stabilize,expand,canonicalize";

double megabytes_moved(const codegen::Schedule& schedule) {
  std::int64_t bytes = 0;
  for (const codegen::Launch& launch : schedule.launches) {
    for (const std::int32_t buffer : launch.buffers) {
      bytes += schedule.buffers[static_cast<std::size_t>(buffer)].type.bytes();
    }
  }
  return static_cast<double>(bytes) / 1e6;
}

void print_row(const std::string& name, const ir::Graph& model) {
  const ir::Graph before = passes::run_pipeline(model, passes::parse_pipeline(kBeforeFusion));
  const ir::Graph after = passes::run_pipeline(before, passes::parse_pipeline("fuse"));
  const codegen::Schedule op_by_op = codegen::lower_graph(before);
  const codegen::Schedule fused = codegen::lower_graph(after);
  const codegen::LaunchCounts counts = codegen::count_launches(fused).front();
  fmt::print("| {} | {} | {} | {} | {} | {:.2f} | {:.2f} |\n", name,
             codegen::count_launches(op_by_op).front().kernels(), counts.kernels(), counts.others(),
             counts.launches, megabytes_moved(op_by_op), megabytes_moved(fused));
}

template <class F, class... Arguments>
void print_model(const std::string& name, F&& f, const Arguments&... arguments) {
  print_row(name, trace_changes(f, arguments...).graph);
}

Tensor random(const ir::Shape& shape) { return init::randn(shape).detach(); }

Tensor with_gradient(const ir::Shape& shape) { return Tensor(random(shape).to_literal()); }

// The gradient of a function's result, weighted, with respect to its argument.
template <class F>
auto gradient_of(F f) {
  return
      [f](const Tensor& x, const Tensor& weights) { return gradient((f(x) * weights).sum(), x); };
}

Tensor naive_softmax(const Tensor& x) {
  const Tensor e = exp(x);
  return e / e.sum(-1, true);
}

Tensor rms_norm(const Tensor& x) { return x * rsqrt((x * x).mean(-1, true) + 1e-6); }

// Attention over one sequence with one head: the part between the projections.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  const Tensor scores = matmul(q, k.transpose()) / 8.0;
  return matmul(naive_softmax(scores), v);
}

// A block of a transformer, normed before its two parts, over x[sequences, length, features].
struct TransformerBlock : nn::Module {
  static constexpr std::int64_t kFeatures = 256;
  static constexpr std::int64_t kHeads = 4;

  nn::LayerNorm norm1{kFeatures};
  nn::Linear query{kFeatures, kFeatures}, key{kFeatures, kFeatures}, value{kFeatures, kFeatures};
  nn::Linear projection{kFeatures, kFeatures};
  nn::LayerNorm norm2{kFeatures};
  nn::Linear up{kFeatures, 4 * kFeatures}, down{4 * kFeatures, kFeatures};

  // [sequences, length, features] -> [sequences, heads, length, features of a head]
  static Tensor heads(const Tensor& x) {
    const ir::Shape& shape = x.shape();
    return transpose(x.reshape({shape[0], shape[1], kHeads, kFeatures / kHeads}), {0, 2, 1, 3});
  }
  Tensor attention(const Tensor& x) const {
    const Tensor q = heads(query(x));
    const Tensor k = heads(key(x));
    const Tensor v = heads(value(x));
    const Tensor scores = matmul(q, transpose(k, {0, 1, 3, 2})) / 8.0;
    const Tensor mixed = transpose(matmul(naive_softmax(scores), v), {0, 2, 1, 3});
    return projection(mixed.reshape({x.shape()[0], x.shape()[1], kFeatures}));
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = x + attention(norm1(x));
    return y + down(nn::GELU()(up(norm2(y))));
  }
};

template <class Model, class Optimizer>
auto training_step(Model& model, Optimizer& opt) {
  return [&](const Tensor& x, const Tensor& labels) {
    const Tensor loss = nn::SoftmaxLoss()(model(x), labels);
    loss.backward();
    opt.step();
    return loss;
  };
}

void print_page() {
  fmt::print("{}", kHead);
  manual_seed(1);
  const Tensor x = with_gradient({256, 512});
  const Tensor weights = random({256, 512});
  print_model("softmax, as exp(x) / sum(exp(x))", naive_softmax, x);
  print_model("its gradient", gradient_of(naive_softmax), x, weights);
  print_model("log_softmax", [](const Tensor& a) { return log_softmax(a, -1); }, x);
  const Tensor labels(std::vector<std::int32_t>(256, 3));
  const auto loss = [](const Tensor& a, const Tensor& b) { return nn::SoftmaxLoss()(a, b); };
  print_model(
      "cross-entropy with its gradient",
      [&](const Tensor& a, const Tensor& b) {
        const Tensor value = loss(a, b);
        return std::vector<Tensor>{value, gradient(value, a)};
      },
      x, labels);
  const nn::LayerNorm norm(512);
  print_model("layer norm", [&](const Tensor& a) { return norm(a); }, x);
  print_model(
      "its gradients",
      [&](const Tensor& a, const Tensor& w) {
        const Tensor y = (norm(a) * w).sum();
        return gradients(y, std::vector<Tensor>{a, norm.weight, norm.bias});
      },
      x, weights);
  print_model("RMS norm", rms_norm, x);
  print_model("its gradient", gradient_of(rms_norm), x, weights);
  print_model("GELU by erf", [](const Tensor& a) { return nn::GELU()(a); }, x);
  const Tensor q = random({128, 64});
  const Tensor k = random({128, 64});
  const Tensor v = random({128, 64});
  print_model("attention, one head of 64", attention, q, k, v);

  const nn::Sequential model(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(),
                             nn::Linear(512, 10));
  const Tensor images = random({64, 784});
  const Tensor classes(std::vector<std::int32_t>(64, 3));
  print_model("an MLP 784-512-512-10, batch 64", [&](const Tensor& a) { return model(a); }, images);
  optim::SGD sgd(nn::parameters(model), {});
  print_model("its step of training, SGD", training_step(model, sgd), images, classes);
  optim::Adam adam(nn::parameters(model), {});
  print_model("its step of training, Adam", training_step(model, adam), images, classes);

  const TransformerBlock block;
  const Tensor sequences = random({4, 64, 256});
  print_model(
      "a transformer block, 4 heads of 64", [&](const Tensor& a) { return block(a); }, sequences);
  optim::Adam adam_of_block(nn::parameters(block), {});
  print_model(
      "its step of training, Adam",
      [&](const Tensor& a) {
        const Tensor difference = mean(block(a) * block(a));
        difference.backward();
        adam_of_block.step();
        return difference;
      },
      sequences);

  std::vector<Tensor> parameters;
  std::vector<Tensor> targets;
  for (std::int64_t i = 0; i < 50; ++i) {
    parameters.push_back(nn::Parameter(random({64 + i, 32})));
    targets.push_back(random({64 + i, 32}));
  }
  optim::Adam large(parameters, {});
  print_model("Adam over 50 parameters", [&] {
    Tensor sum = Tensor::scalar(0);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      sum = sum + (parameters[i] * targets[i]).sum();
    }
    sum.backward();
    large.step();
  });
}

}  // namespace
}  // namespace ndl

int main() { ndl::print_page(); }
