// Where each node of a graph stands among the kernels of fusion: in which home, and at which place
// there (passes/fusion_plan.h). Internal to fusion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ir/graph.h"
#include "passes/cost_model.h"
#include "passes/fusion_home.h"
#include "passes/fusion_members.h"

namespace ndl::passes {

struct FusionPosition {
  static constexpr std::uint32_t kNoHome = 0xffffffff;  // of what is no member of any kernel
  static constexpr std::uint32_t kWhole = 0;
  static constexpr std::uint32_t kRow = 1;
  static constexpr std::uint32_t kMoved = 2;      // written at another place than computed for
  static constexpr std::uint32_t kFirstRead = 3;  // and so on, of the reads of ops that move

  std::uint32_t home = kNoHome;
  std::uint32_t place = kWhole;

  bool is_member() const { return home != kNoHome; }
  bool is_read() const { return place >= kFirstRead; }
  bool operator==(const FusionPosition&) const = default;
};

class FusionPositions {
 public:
  FusionPositions(const ir::Graph& graph, const CostModel& model);

  const FusionPosition& of(ir::Value value) const { return positions_[value.id]; }
  // That of a member.
  const FusionHome& home(const FusionPosition& at) const { return homes_[at.home]; }
  // The node through which another reads what is there: at.is_read().
  ir::Value reader(const FusionPosition& at) const {
    return {reader_[at.place - FusionPosition::kFirstRead]};
  }
  // Whether the node follows a reduction or contraction, or is one: its home is theirs.
  bool is_bound(ir::Value value) const { return is_bound_[value.id]; }
  bool is_live(ir::Value value) const { return live_[value.id]; }
  // See find_remade.
  const std::vector<bool>& remade() const { return is_remade_; }

  // Where a node wants its operand; no member for one that it reads from memory.
  FusionPosition asked(ir::Value value, std::size_t operand) const;
  // Whether an operand is computed where the node wants it.
  bool joins(ir::Value producer, ir::Value consumer, std::size_t operand) const {
    const FusionPosition want = asked(consumer, operand);
    return want.is_member() && want == of(producer);
  }

  // f(producer, consumer, operand number) for all operands of a node that it waits for.
  template <class F>
  void for_each_edge(ir::Value value, F&& f) const {
    const auto operands = graph_.operands(value);
    for (std::size_t k = 0; k < operands.size(); ++k) {
      if (is_input(graph_, operands[k])) continue;
      if (is_remade_[operands[k].id] && of(value).is_member()) continue;
      f(operands[k], value, k);
    }
  }

  // Makes these members, whose roots run in another kernel, maps over a space of their own.
  void leave_roots(const std::vector<bool>& leaves);

 private:
  // An operand of a matmul, each element of which is read many times.
  struct MatmulRead {
    ir::Value matmul;
    std::size_t operand;
  };

  void choose_axes();
  void stay_with_roots();
  void move_to_users();
  void write_where_moved();

  std::uint32_t home_id(FusionHome home);
  // Of a map that may have lanes along all axes from that on.
  std::uint32_t home_of(const ir::Shape& space, std::size_t first_flat_axis);
  std::size_t first_flat_axis(ir::Value value) const;
  FusionHome home_of_reduce(ir::Value reduce) const;
  bool has_elements(ir::Value value) const;
  bool may_be(ir::Value value, const FusionPosition& at) const;
  std::optional<FusionPosition> inherited(ir::Value value, ir::Value operand) const;
  // Whether it is laid out anew anyway.
  bool is_packed(const MatmulRead& read) const;
  // Whether it is as well computed where it is read: it is packed, or is only moved.
  bool is_read_for_nothing(const MatmulRead& read) const;
  // The read that a position is of, at once or through other ops.
  std::optional<MatmulRead> matmul_read(const FusionPosition& at) const;

  const ir::Graph& graph_;
  const CostModel model_;
  const std::vector<bool> live_;
  const std::vector<bool> is_remade_;
  std::vector<FusionHome> homes_;
  std::map<FusionHome, std::uint32_t> home_ids_;
  std::map<ir::Dims, ir::Dims> axes_;  // that kernels over a space reduce
  std::vector<FusionPosition> positions_;
  std::vector<bool> is_bound_;
  std::vector<std::size_t> first_flat_axis_;
  std::vector<std::uint32_t> first_read_;  // of each node that moves elements
  std::vector<std::uint32_t> reader_;      // of each read, the node that makes it
};

}  // namespace ndl::passes
