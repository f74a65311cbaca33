#include "tests/codegen/compare_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "codegen/lower_graph.h"
#include "ir/parser.h"
#include "runtime/control.h"
#include "runtime/executable.h"

namespace ndl::codegen {
namespace {

template <class F>
test::Outcome outcome_of(F&& run) {
  try {
    return {run(), ""};
  } catch (const Error& error) {
    return {{}, error.message()};
  }
}

// Runs parts of the rows, the last first; the error is that of the first part that has one.
std::int64_t run_kernel(const runtime::KernelCall& kernel, void* const* buffers, int parts) {
  if (kernel.control != nullptr) {
    std::vector<runtime::BufferView> views(kernel.control->views());
    run_control(*kernel.control, buffers, views, parts);
    return 0;
  }
  std::int64_t status = 0;
  for (int part = parts; part-- > 0;) {
    const std::int64_t begin = part * kernel.extent / parts;
    const std::int64_t end = (part + 1) * kernel.extent / parts;
    if (begin == end) continue;
    const std::int64_t error = kernel.function(buffers, begin, end);
    if (error != 0) status = error;
  }
  return status;
}

// The numbers of the kernels, those of one launch in the reverse of their order.
std::vector<std::size_t> backwards_in_launches(std::span<const runtime::KernelCall> kernels) {
  std::vector<std::size_t> order;
  std::size_t begin = 0;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    if (!kernels[k].joins_previous) begin = k;
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(begin), k);
  }
  return order;
}

// Gives the program its inputs, for results to be written over them.
std::vector<ir::Literal> run_over_inputs(const Program& program,
                                         std::span<const ir::Literal> inputs) {
  std::vector<runtime::Buffer> given;
  std::vector<runtime::BufferView> views;
  for (const ir::Literal& input : inputs) {
    const ir::Literal dense = input.dense();
    given.push_back(runtime::Buffer::allocate(dense.type().bytes()));
    views.push_back(given.back().view());
    if (dense.size() != 0) {
      std::memcpy(views.back().data, dense.bytes(), static_cast<std::size_t>(views.back().bytes));
    }
  }
  const std::vector<runtime::Buffer> outputs = program.run_buffers(views, 0, given);
  std::vector<ir::Literal> results;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    results.push_back(ir::Literal::uninitialized(program.outputs()[i]));
    if (outputs[i].bytes() == 0) continue;
    std::memcpy(results.back().bytes(), outputs[i].data(),
                static_cast<std::size_t>(outputs[i].bytes()));
  }
  return results;
}

std::vector<ir::Literal> run_parts(const Program& program, std::span<const ir::Literal> inputs,
                                   int parts) {
  const runtime::ExecutableSpec& spec = program.executable()->spec();
  std::vector<ir::Literal> dense;
  std::vector<ir::Literal> results;
  std::vector<void*> slots;
  for (const ir::Literal& input : inputs) dense.push_back(input.dense());
  for (ir::Literal& input : dense) slots.push_back(input.bytes());
  for (const ir::TensorType& type : program.outputs()) {
    results.push_back(ir::Literal::uninitialized(type));
  }
  for (ir::Literal& result : results) slots.push_back(result.bytes());
  for (const runtime::Buffer& constant : spec.constants) slots.push_back(constant.data());
  const runtime::Buffer arena = runtime::Buffer::allocate(spec.arena_bytes);
  std::fill_n(static_cast<std::uint16_t*>(arena.data()), spec.arena_bytes / 2,
              runtime::ExecutableOptions::kPoison);
  for (const runtime::TemporarySpec& temporary : spec.temporaries) {
    slots.push_back(static_cast<std::byte*>(arena.data()) + temporary.offset);
  }
  for (const std::size_t k : backwards_in_launches(spec.kernels)) {
    std::vector<void*> buffers;
    for (const std::int32_t slot : spec.kernels[k].buffers) {
      buffers.push_back(slots[static_cast<std::size_t>(slot)]);
    }
    const std::int64_t status = run_kernel(spec.kernels[k], buffers.data(), parts);
    if (status == 0) continue;
    spec.raise(k, status, buffers.data());
    throw_error<Error>("kernel '{}' failed with status {}", spec.kernels[k].name, status);
  }
  return results;
}

// Most results are, and elements take long to look at one by one.
bool have_equal_bytes(const ir::Literal& a, const ir::Literal& b) {
  const ir::Literal x = a.dense();
  const ir::Literal y = b.dense();
  const auto bytes = static_cast<std::size_t>(x.type().bytes());
  return bytes == 0 || std::memcmp(x.bytes(), y.bytes(), bytes) == 0;
}

// How far apart the floats are, in units of the last place of the larger one.
double distance_in_ulps(const ir::Literal& a, const ir::Literal& b, std::int64_t i) {
  const double x = a.as_double(i);
  const double y = b.as_double(i);
  if (!std::isfinite(x) || !std::isfinite(y)) return std::numeric_limits<double>::infinity();
  return visit_dtype(a.dtype(), [&]<class T>(std::type_identity<T>) -> double {
    if constexpr (!is_float(dtype_of<T>)) {
      return std::numeric_limits<double>::infinity();
    } else {
      constexpr int kLowest = std::is_same_v<T, double>    ? -1022
                              : std::is_same_v<T, Float16> ? -14
                                                           : -126;
      const double larger = std::max(std::abs(x), std::abs(y));
      const int exponent = larger == 0 ? kLowest : std::max(std::ilogb(larger), kLowest);
      return std::ldexp(std::abs(x - y), precision_of(dtype_of<T>) - 1 - exponent);
    }
  });
}

}  // namespace

test::Outcome run_program(const Program& program, std::span<const ir::Literal> inputs,
                          int threads) {
  return outcome_of([&] { return program.run(inputs, threads); });
}

test::Outcome run_in_parts(const Program& program, std::span<const ir::Literal> inputs, int parts) {
  return outcome_of([&] { return run_parts(program, inputs, parts); });
}

std::string difference(const test::Outcome& want, const test::Outcome& got, double ulps) {
  if (want.error != got.error) {
    return fmt::format("error '{}', not '{}'", got.error, want.error);
  }
  for (std::size_t k = 0; k < want.literals.size(); ++k) {
    if (have_equal_bytes(want.literals[k], got.literals[k])) continue;
    for (std::int64_t i = 0; i < want.literals[k].size(); ++i) {
      if (test::same_element(want.literals[k], got.literals[k], i)) continue;
      if (ulps > 0 && distance_in_ulps(want.literals[k], got.literals[k], i) <= ulps) continue;
      return fmt::format("element {} of result {} is {}, not {}", i, k,
                         got.literals[k].as_double(i), want.literals[k].as_double(i));
    }
  }
  return "";
}

std::string difference_on_any_threads(const test::Outcome& want, const Program& program,
                                      std::span<const ir::Literal> inputs, double ulps) {
  std::string found = difference(want, run_program(program, inputs, 0), ulps);
  if (!found.empty()) return found + " (on the pool)";
  const test::Outcome over_inputs = outcome_of([&] { return run_over_inputs(program, inputs); });
  found = difference(want, over_inputs, ulps);
  if (!found.empty()) return found + " (over the inputs)";
  for (const int parts : {1, 2, 3, 7}) {
    found = difference(want, run_in_parts(program, inputs, parts), ulps);
    if (!found.empty()) return fmt::format("{} (in {} parts)", found, parts);
  }
  return "";
}

std::string difference_on_any_cpu(const std::string& text,
                                  const std::function<void(const Program&)>& look) {
  const ir::Graph graph = ir::parse(text);
  const std::vector<ir::Literal> inputs = test::random_inputs(graph, 1);
  const test::Outcome want = test::run(graph, inputs);
  for (const char* cpu : {"native", "x86-64-v3", "x86-64"}) {
    CompileOptions options;
    options.cpu = cpu;
    const std::shared_ptr<const Program> program = compile(graph, options);
    look(*program);
    const std::string found = difference_on_any_threads(want, *program, inputs);
    if (!found.empty()) return fmt::format("{} for {}\n{}", found, cpu, text);
  }
  return "";
}

}  // namespace ndl::codegen
