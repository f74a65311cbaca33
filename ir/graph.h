// The graph: typed SSA nodes in topological order.
//
// A node is immutable and is named by its position, so an operand's id is always below its user's.
// Nodes are added by a Builder, which infers and checks their types. A graph has one result, often
// a tuple. Names and source locations are side tables: they take no part in equality or hashing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/source_location.h"
#include "ir/attributes.h"
#include "ir/op.h"
#include "ir/type.h"

namespace ndl::ir {

// Regions nest at most this deep, so that what recurses over them needs little stack.
inline constexpr int kMaxRegionDepth = 256;

// A node of a graph, and the value it computes.
struct Value {
  std::uint32_t id = 0;
  auto operator<=>(const Value&) const = default;
};

class Graph {
 public:
  explicit Graph(std::string_view name = "main") { set_name(name); }

  const std::string& name() const { return name_; }
  void set_name(std::string_view name);

  std::size_t size() const { return nodes_.size(); }
  bool has_result() const { return has_result_; }
  Value result() const { return result_; }
  std::size_t num_parameters() const { return num_parameters_; }
  // How deep regions nest inside: 0 without any.
  int region_depth() const { return region_depth_; }
  // Parameters come first, so parameter i is node i.
  Value parameter(std::size_t index) const { return {static_cast<std::uint32_t>(index)}; }

  Op op(Value value) const { return nodes_[value.id].op; }
  const OpDef& def(Value value) const { return op_def(op(value)); }
  const Type& type(Value value) const { return types_[nodes_[value.id].type]; }
  const Type& result_type() const { return type(result_); }
  std::span<const Value> operands(Value value) const {
    const Node& node = nodes_[value.id];
    return {operands_.data() + node.first_operand, node.num_operands};
  }
  Value operand(Value value, std::size_t index) const { return operands(value)[index]; }
  const Attributes& attributes(Value value) const {
    return attributes_[nodes_[value.id].attributes];
  }

  // Whether the value is a constant whose elements are all the same.
  bool is_splat(Value value) const;

  // "" when the value has no name.
  const std::string& name(Value value) const;
  // Characters that the text of the IR does not allow become '_'; a name of digits alone is none.
  void set_name(Value value, std::string_view name);
  SourceLocation location(Value value) const;
  void set_location(Value value, const SourceLocation& location);

  // How many operands of other nodes, and the result, each node is.
  std::vector<std::uint32_t> use_counts() const;
  // Whether each node is needed for the result; parameters always are.
  std::vector<bool> live_nodes() const;

  // Equal nodes in equal order and the same result; names and locations do not count.
  bool operator==(const Graph& other) const;
  std::size_t hash() const;
  // Whether an equal graph has the same names and locations as well. Regions are not looked into:
  // a graph that has some is taken to differ.
  bool has_tables_of(const Graph& other) const;

 private:
  friend class Builder;

  struct Node {
    Op op;
    std::uint32_t type;
    std::uint32_t first_operand;
    std::uint32_t num_operands;
    std::uint32_t attributes;
  };
  struct Place {
    std::uint32_t file = 0;
    std::int32_t line = 0;
    std::int32_t column = 0;
    bool operator==(const Place&) const = default;
  };

  std::string name_;
  std::vector<Node> nodes_;
  std::vector<Value> operands_;
  std::vector<Type> types_;                    // distinct
  std::vector<Attributes> attributes_ = {{}};  // [0] is none
  std::unordered_multimap<std::size_t, std::uint32_t> type_index_;
  std::size_t num_parameters_ = 0;
  Value result_;
  bool has_result_ = false;
  int region_depth_ = 0;

  std::unordered_map<std::uint32_t, std::string> names_;
  std::vector<Place> places_;
  std::vector<std::string> files_;
};

}  // namespace ndl::ir
