// Control flow: executables that one call of another executable runs, and how often.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/buffer.h"

namespace ndl::runtime {

class Executable;

enum class ControlKind : std::uint8_t {
  kCond,   // bodies: then, else; the first buffer is the bool that chooses
  kWhile,  // bodies: condition, body
  kScan,   // bodies: body
};

// The buffers of the call are: the operands, the results, and memory for what happens meanwhile.
// The inputs of a body are the operands, but for the bool of a cond; its outputs are the results,
// but for a condition, whose output is the first of the further buffers.
//
// A loop gives its state back to its body. The state begins as the first operands, and ends as the
// first results. Of a scan, the next operands and results are rows of what the call has, one after
// the other for each step; a state that is a row as well is read there by the next step.
struct ControlCall {
  ControlKind kind = ControlKind::kCond;
  std::vector<std::shared_ptr<const Executable>> bodies;
  std::int64_t length = 0;  // steps of a scan; the most of a while, -1 for any number
  std::size_t states = 0;
  std::size_t scanned = 0;
  bool is_reverse = false;  // a scan from the last row to the first
  std::size_t operands = 0;
  // Of each state, the buffer that it is in at every other step; -1 if its body may write the next
  // one over it.
  std::vector<std::int32_t> alternates;
  // Of each state, the result whose row it is; -1 if it is none.
  std::vector<std::int32_t> rows;
  // Of each output of the bodies, which result it is, or has a row of: states that are rows are no
  // outputs.
  std::vector<std::size_t> outputs;

  // How many results the call has.
  std::size_t results() const;
  // How many views run_control() works with.
  std::size_t views() const;
};

// Runs the call on these buffers, and throws what its bodies throw. `views` has what it needs for
// views, and any content.
void run_control(const ControlCall& call, void* const* buffers, std::span<BufferView> views,
                 int threads);

}  // namespace ndl::runtime
