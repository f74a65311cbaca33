// Loop nests: what a kernel does, as loops over reads, elementwise code, reductions and writes.
//
//   kernel exp_reduce(b0: f32[50176], out b1: f32[64]) {
//     for i0 < 64 {
//       for i1 < 784 lanes {
//         %0 = read b0[784*i0 + i1] : f32
//         %1 = exp(%0) : f32
//         %2 = reduce(%1, kind=sum, order=tree) : f32
//       }
//       b1[i0] = %2
//     }
//   }
//
// A kernel runs its phases once for every point of its outer loops; points are independent of each
// other, which is what threads share. A phase is straight-line code inside loops of its own. What a
// phase reduces over its loops is a value of the phases after it.
//
// One loop is done in lanes, many indices at a time: the innermost outer loop of a kernel with
// `outer_lanes`, else the innermost loop of every phase that has loops. Which loop that is changes
// no result.
//
// Loop nests are between graphs and LLVM IR. They know nothing of LLVM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "ir/attributes.h"
#include "ir/op.h"
#include "ir/shape.h"

namespace ndl::codegen {

// A value of a kernel: the position of its instruction, its name in text.
using Local = std::int32_t;

// base + sum of coefficients[k] * index of loop k + sum of the values' terms. Loops are numbered
// from the outermost; those of a phase come after the outer ones. Missing coefficients are 0.
struct IndexExpr {
  // `local` is an integer, known to lie in [0, extent), that was read or computed before.
  struct Term {
    Local local;
    std::int64_t coefficient;
    std::int64_t extent;
    bool operator==(const Term&) const = default;
  };

  std::int64_t base = 0;
  ir::Dims coefficients;
  std::vector<Term> terms;

  std::int64_t coefficient(std::size_t loop) const {
    return loop < coefficients.size() ? coefficients[loop] : 0;
  }
  // *this += factor * other
  void add(const IndexExpr& other, std::int64_t factor);
  bool operator==(const IndexExpr&) const = default;
};

// low <= index < high
struct Guard {
  IndexExpr index;
  std::int64_t low;
  std::int64_t high;
  bool operator==(const Guard&) const = default;
};

enum class InstructionKind : std::uint8_t {
  kConstant,  // `bits`, an element of `dtype`
  kIndex,     // the value of `index`, i64
  kInside,    // whether all `guards` hold, bool
  kRead,      // element `index` of `buffer`; zero where a guard does not hold
  kOp,        // an elementwise op
  kConvert,   // the op convert
  kBitcast,   // the op bitcast
  kRandom,    // element `index` of rng_bits; operands are key and counter
  kReduced,   // a reduction of the phase, see Reduction
};

struct Instruction {
  InstructionKind kind{};
  ir::Op op{};  // of kOp
  DType dtype{};
  std::vector<Local> operands;
  std::uint64_t bits = 0;
  std::int32_t buffer = -1;
  IndexExpr index;
  std::vector<Guard> guards;
  bool operator==(const Instruction&) const = default;
};

// In which order values are combined, see ir/reduction.h.
enum class ReductionOrder : std::uint8_t {
  kTree,         // `reduce`
  kHalves,       // a tree of at most kLanes elements: the lanes apart, by halves
  kLanes,        // the lanes of a tree apart: blocks of kReduceBlock / kLanes in order, these
                 // pairwise
  kPairs,        // pairwise by index
  kSequence,     // `reduce_window` and `cumsum`: in order, from the neutral element
  kContraction,  // `matmul` and `conv`: madd(left, right, sum) in blocks
  kFirst,        // `argmax` and `argmin`: the index of the first NaN, else of the first extremum
};

// Combines a value over all loops of a phase. `result` is its instruction, kReduced. The running
// result of a kSequence may be written inside the loops.
struct Reduction {
  ReductionOrder order{};
  ir::ReduceKind kind{};
  DType accumulator{};  // the dtype of the operands, and of the result but for kFirst
  Local left = -1;
  Local right = -1;  // of kContraction
  Local result = -1;
};

// A 16-bit buffer also takes an f32, rounded once.
struct Write {
  Local local = -1;
  std::int32_t buffer = -1;
  IndexExpr index;
};

// Ends the kernel with the status 1 + position unless 0 <= local < extent: with the lowest position
// of those that the call reaches.
struct Check {
  Local local = -1;
  std::int64_t extent = 0;
  IndexExpr position;
};

struct Phase {
  ir::Dims loops;
  std::vector<Local> code;  // in order, without the results of reductions
  std::vector<Reduction> reductions;
  std::vector<Write> writes;
  std::vector<Check> checks;  // only in a phase without loops of a nest with outer lanes
};

struct KernelBuffer {
  DType dtype{};
  std::int64_t elements = 0;
  bool is_written = false;
  // Memory of the kernel itself, for one point of the outer loops at a time, or for each of those
  // in lanes. Local buffers come last, and are not among the kernel's arguments.
  bool is_local = false;
  bool operator==(const KernelBuffer&) const = default;
};

struct LoopNest {
  std::string name;
  std::vector<KernelBuffer> buffers;
  ir::Dims outer;
  bool outer_lanes = false;
  std::vector<Instruction> instructions;
  std::vector<Phase> phases;

  // The number of the first loop of a phase.
  std::size_t first_phase_loop() const { return outer.size(); }
  // "kernel name(...) { ... }", canonical: equal nests have equal text but for the name.
  std::string to_string() const;
  // The text without the name: what makes two kernels one.
  std::string key() const;
};

// The loop that an index is made of, if that is one alone.
std::optional<std::size_t> only_loop(const IndexExpr& index);

// Whether some index of the nest is made of values.
bool has_terms(const LoopNest& nest);

// a / b, rounded down.
std::int64_t floor_of_quotient(std::int64_t a, std::int64_t b);

// Throws InternalError for a value that is used where it is not defined, operands of a wrong dtype,
// and accesses that may leave their buffer.
void verify(const LoopNest& nest);

// Outer loops `first` and `first + 1` change places.
void swap_outer_loops(LoopNest& nest, std::size_t first);

// Makes loops `first` and `first + 1`, of the outer loops or of a phase, one loop. Returns false,
// and changes nothing, if some access does not walk them as one.
bool merge_outer_loops(LoopNest& nest, std::size_t first);
bool merge_phase_loops(LoopNest& nest, std::size_t phase, std::size_t first);

}  // namespace ndl::codegen
