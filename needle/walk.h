// The records behind some roots, in an order in which they can be computed: what lowering makes a
// graph of, and what tells whether a graph for them has been made before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "needle/record.h"

namespace ndl {

struct WalkOptions {
  // The first inputs, used or not.
  std::span<const RecordRef> parameters = {};
  // Numbers of the program are constants. Else they are inputs of rank 0, so that a graph is the
  // same whatever the learning rate, but for 0, 1, -1, 2 and 0.5, which simplify.
  bool numbers_are_constants = false;
  // Whether sources of leaves with `is_kept` become roots.
  bool keeps = false;
  // Records made during an earlier trace, or none, are inputs even if pending.
  std::uint32_t trace = 0;
  // For differentiating: what requires a gradient is a node even if it is realized, all else is an
  // input, and so is every leaf.
  bool history = false;
  // Realized records that are nodes all the same.
  const std::unordered_set<const Record*>* through = nullptr;
};

// Valid while the caller holds record_mutex() and makes no other one.
class Walk {
 public:
  Walk(std::span<const RecordRef> roots, Garbage& garbage, const WalkOptions& options = {});
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // The roots asked for, then the sources of leaves that are to be kept.
  const std::vector<RecordRef>& roots() const { return roots_; }
  // Where the walk ends: realized records, leaves and numbers, in the order in which the roots need
  // them. When walking in a trace, any record from before it.
  const std::vector<RecordRef>& inputs() const { return inputs_; }
  // The others, each after what it needs.
  const std::vector<const RecordRef*>& nodes() const { return nodes_; }

  // The place of a record in nodes(), or, if it is in inputs()[k], ~k.
  std::int32_t number(const Record& record) const;
  const RecordRef& record(std::int32_t number) const {
    return number < 0 ? inputs_[static_cast<std::size_t>(~number)]
                      : *nodes_[static_cast<std::size_t>(number)];
  }
  // Whether a number of the program is part of what is computed, not an input.
  bool is_constant(const Record& record) const;

  // Equal for walks over records that differ in nothing but the data of inputs, with lines and all.
  std::string key() const;
  // What the key says by address only: whoever keeps the key keeps these.
  std::vector<ir::Region> regions() const;
  // Of walks longer than this the key is not worth keeping.
  static constexpr std::size_t kMostKept = 1 << 14;
  bool is_worth_keeping() const { return nodes_.size() <= kMostKept; }

 private:
  bool is_given(const Record& record) const;
  bool is_input(const Record& record) const;
  bool is_known(const Record& record) const { return record.walk == id_; }
  void add_input(const RecordRef& record);
  void visit(const RecordRef& root, std::unordered_set<const Record*>& kept_seen, Garbage& garbage);

  const WalkOptions options_;
  const std::uint64_t id_;
  std::vector<RecordRef> roots_;
  std::vector<RecordRef> inputs_;
  std::vector<const RecordRef*> nodes_;
  std::vector<RecordRef> kept_;
};

}  // namespace ndl
