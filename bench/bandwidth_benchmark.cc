// Compiled kernels against what memory can do: copies and reads of the same bytes, on as many
// threads, measured in turns.
//
//   bazel run -c opt //bench:bandwidth_benchmark
#include <emmintrin.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/interleaved.h"
#include "codegen/program.h"
#include "ir/literal.h"
#include "ir/parser.h"
#include "runtime/buffer.h"
#include "runtime/thread_pool.h"

namespace ndl::bench {
namespace {

constexpr std::int64_t kLine = 64;

// f(first byte, bytes) for the parts of a buffer, a part a thread.
template <class F>
void in_parts(std::int64_t bytes, int threads, F&& f) {
  const std::int64_t part = (bytes / kLine + threads - 1) / threads * kLine;
  runtime::default_thread_pool().parallel_for(
      threads, threads, [&](std::int64_t begin, std::int64_t end) -> std::int64_t {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t first = std::min(i * part, bytes);
          f(first, std::min(part, bytes - first));
        }
        return 0;
      });
}

void stream(std::byte* to, const std::byte* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i + 16 <= bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
  _mm_sfence();
}

void read(const std::byte* from, std::int64_t bytes) {
  __m128i sums[8] = {};
  for (std::int64_t i = 0; i + 128 <= bytes; i += 128) {
    for (int k = 0; k < 8; ++k) {
      const auto* at = reinterpret_cast<const __m128i*>(from + i + 16 * k);
      sums[k] = _mm_add_epi32(sums[k], _mm_load_si128(at));
    }
  }
  for (int k = 1; k < 8; ++k) sums[0] = _mm_add_epi32(sums[0], sums[k]);
  asm volatile("" ::"x"(sums[0]));
}

// A compiled graph with memory for its inputs and outputs.
class Call {
 public:
  Call(const std::string& text, int threads)
      : program_(codegen::compile(ir::parse(text))), threads_(threads) {
    for (const ir::TensorType& type : program_->inputs()) add(type, inputs_);
    for (const ir::TensorType& type : program_->outputs()) add(type, outputs_);
  }
  void operator()() const { program_->run_into(inputs_, outputs_, threads_); }

 private:
  void add(const ir::TensorType& type, std::vector<runtime::BufferView>& views) {
    buffers_.push_back(runtime::Buffer::allocate(type.bytes()));
    std::memset(buffers_.back().data(), 0, static_cast<std::size_t>(type.bytes()));
    views.push_back({buffers_.back().data(), type.bytes()});
  }

  std::shared_ptr<const codegen::Program> program_;
  std::vector<runtime::Buffer> buffers_;
  std::vector<runtime::BufferView> inputs_;
  std::vector<runtime::BufferView> outputs_;
  int threads_;
};

std::string graph(std::int64_t rows, const std::string& result, const std::string& body) {
  return fmt::format("needle 1 graph g(%x: f32[{0},1024]) -> {1} {{ {2} }}", rows,
                     fmt::format(fmt::runtime(result), rows),
                     fmt::format(fmt::runtime(body), rows));
}

struct Row {
  std::string name;
  bool is_read;  // only; compared with reading, else with copying
  std::string text;
};

std::vector<Row> rows_of(std::int64_t rows) {
  const std::string same = "f32[{0},1024]";
  return {
      {"x + x", false, graph(rows, same, "%0 = add(%x, %x) return %0")},
      {"gelu (tanh), 8 ops", false,
       graph(rows, same,
             "%a = constant(0.044715) : f32[{0},1024] %b = constant(0.7978846) : f32[{0},1024] "
             "%h = constant(0.5) : f32[{0},1024] %o = constant(1) : f32[{0},1024] "
             "%0 = mul(%x, %x) %1 = mul(%0, %a) %2 = add(%1, %o) %3 = mul(%2, %x) %4 = mul(%3, %b) "
             "%5 = tanh(%4) %6 = add(%5, %o) %7 = mul(%6, %h) %8 = mul(%7, %x) return %8")},
      {"softmax of rows", false, graph(rows, same, "%0 = softmax(%x, axes=[1]) return %0")},
      {"transpose", false,
       graph(rows, "f32[1024,{0}]", "%0 = transpose(%x, permutation=[1, 0]) return %0")},
      {"sum of rows", true,
       graph(rows, "f32[{0}]", "%0 = reduce(%x, kind=sum, axes=[1]) return %0")},
      {"sum of columns", true,
       graph(rows, "f32[1024]", "%0 = reduce(%x, kind=sum, axes=[0]) return %0")},
      {"sum of all", true,
       graph(rows, "f32[]", "%0 = reduce(%x, kind=sum, axes=[0, 1]) return %0")},
  };
}

void measure(std::int64_t rows, int threads) {
  const std::int64_t bytes = rows * 4096;
  const runtime::Buffer from = runtime::Buffer::allocate(bytes);
  const runtime::Buffer to = runtime::Buffer::allocate(bytes);
  auto* x = static_cast<std::byte*>(from.data());
  auto* y = static_cast<std::byte*>(to.data());
  std::memset(x, 0, static_cast<std::size_t>(bytes));
  std::memset(y, 0, static_cast<std::size_t>(bytes));
  std::vector<Candidate> candidates = {
      {"copy",
       [&] {
         in_parts(bytes, threads, [&](std::int64_t first, std::int64_t part) {
           std::memcpy(y + first, x + first, static_cast<std::size_t>(part));
         });
       }},
      {"streaming copy",
       [&] {
         in_parts(bytes, threads, [&](std::int64_t first, std::int64_t part) {
           stream(y + first, x + first, part);
         });
       }},
      {"read",
       [&] {
         in_parts(bytes, threads,
                  [&](std::int64_t first, std::int64_t part) { read(x + first, part); });
       }},
  };
  const std::vector<Row> all = rows_of(rows);
  for (const Row& row : all) {
    candidates.push_back(
        {row.name, [call = std::make_shared<Call>(row.text, threads)] { (*call)(); }});
  }
  const std::vector<double> times = medians(candidates, 25);
  fmt::print("\nf32[{},1024], {} MiB, {} thread{}\n\n", rows, bytes >> 20, threads,
             threads == 1 ? "" : "s");
  fmt::print(
      "| what | us | of copy | of streaming copy | of read |\n"
      "|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const bool is_read = i == 2 || (i >= 3 && all[i - 3].is_read);
    const auto ratio = [&](std::size_t probe) {
      return is_read == (probe == 2) ? fmt::format("{:.2f}", times[probe] / times[i]) : "";
    };
    fmt::print("| {} | {:.1f} | {} | {} | {} |\n", candidates[i].name, times[i] * 1e6, ratio(0),
               ratio(1), ratio(2));
  }
}

}  // namespace
}  // namespace ndl::bench

int main() {
  for (const std::int64_t rows : {64, 1024, 16384}) {
    for (const int threads : {1, ndl::runtime::default_thread_pool().threads()}) {
      ndl::bench::measure(rows, threads);
    }
  }
}
