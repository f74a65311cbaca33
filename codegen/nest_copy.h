// A loop nest as several, which hand each other results in memory of their own. Internal to
// codegen.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "codegen/loop_nest.h"
#include "codegen/nest_builder.h"

namespace ndl::codegen {

struct NestParts {
  struct Part {
    LoopNest nest;
    // What its buffers are: a buffer of the whole nest, or the number of those plus that of one of
    // `buffers`.
    std::vector<std::int32_t> buffers;
  };
  std::vector<KernelBuffer> buffers;  // for what parts hand on
  std::vector<Part> parts;            // in the order in which they run
};

// A part in the making: code of the whole nest in other loops.
class NestCopy {
 public:
  NestCopy(const LoopNest& whole, std::string_view suffix);

  NestBuilder& builder() { return b_; }
  // The buffer with that number, as in NestParts::Part.
  std::int32_t buffer(std::int32_t number, const KernelBuffer& like);
  // What the next loop of the whole nest is here; of a phase, after those outside.
  void set_loop(IndexExpr index) { loops_.push_back(std::move(index)); }
  // A loop of the whole nest goes on here beyond its end: reads that depend on it are not made
  // there.
  void set_guard(std::size_t loop, Guard guard);
  const std::vector<Guard>& guards() const { return guards_; }
  // What stands for a value.
  void set_local(Local whole, Local here) { locals_[static_cast<std::size_t>(whole)] = here; }
  Local local(Local whole) const { return locals_[static_cast<std::size_t>(whole)]; }
  // The code of a phase that `root` needs, all of it, or what the writes do.
  void copy_value(const Phase& phase, Local root);
  void copy_code(const Phase& phase);
  void copy_writes(const Phase& phase);
  // The phases after the first, which have no loops.
  void copy_rest();
  NestParts::Part finish() { return {b_.finish(), std::move(buffers_)}; }

 private:
  const Instruction& at(Local local) const {
    return whole_.instructions[static_cast<std::size_t>(local)];
  }
  IndexExpr index(const IndexExpr& whole) const;
  std::vector<Guard> guards(const std::vector<Guard>& whole) const;
  Local copy(const Instruction& x);
  std::int32_t whole_buffer(std::int32_t number) {
    return buffer(number, whole_.buffers[static_cast<std::size_t>(number)]);
  }

  const LoopNest& whole_;
  NestBuilder b_;
  std::vector<std::int32_t> buffers_;
  std::map<std::int32_t, std::int32_t> numbers_;
  std::vector<IndexExpr> loops_;
  std::vector<Local> locals_;
  std::size_t cut_loop_ = 0;
  std::vector<Guard> guards_;  // none, or one
};

}  // namespace ndl::codegen
