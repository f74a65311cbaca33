// The values of a graph at places: each asks its operands at theirs, so what moves elements costs
// nothing but another index, and what is not asked for is not computed. Internal to codegen.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "codegen/nest_builder.h"
#include "ir/graph.h"

namespace ndl::codegen {

// Thrown by the lowering of a graph to one loop nest when one kernel cannot do it.
struct NotOneKernel {};

// Where an element of a value is asked for, and when.
struct Place {
  std::vector<IndexExpr> index;  // one an axis
  std::vector<Guard> guards;     // where one does not hold, anything will do
  bool operator==(const Place&) const = default;
};

class RegionValues {
 public:
  // Parameter i of `body` is buffer i of the nest.
  RegionValues(const ir::Graph& body, NestBuilder& b) : body_(body), b_(b) {}

  // Begins a phase of the nest, in which nothing is known but what is defined.
  void begin_phase();
  // Element `index` of `value`, which reduces something, is what `local` holds in the phases to
  // come, maybe in a wider dtype. It is asked for at no other place.
  void define(ir::Value value, std::vector<IndexExpr> index, Local local);
  // In the current phase, element `index` of `value` is also element `at` of `buffer`.
  void read_instead(ir::Value value, std::vector<IndexExpr> index, std::int32_t buffer,
                    IndexExpr at);
  // Computes an element, in the current phase. Throws NotOneKernel.
  Local at(ir::Value value, const Place& place);

 private:
  struct Reduced {
    std::vector<IndexExpr> index;
    Local local = -1;
  };

  struct Copy {
    std::vector<IndexExpr> index;
    std::int32_t buffer = -1;
    IndexExpr at;
  };

  const ir::Shape& shape(ir::Value value) const { return body_.type(value).shape(); }
  DType dtype(ir::Value value) const { return body_.type(value).dtype(); }
  const ir::Attributes& attributes(ir::Value value) const { return body_.attributes(value); }

  Local compute(ir::Value value, const Place& place);
  Local read(ir::Value parameter, const Place& place);
  Local moved(ir::Value value, Place place);
  Local concatenate(ir::Value value, const Place& place);
  Local pad(ir::Value value, const Place& place);
  Place through_reshape(ir::Value value, const Place& place) const;
  Place through_gather(ir::Value value, const Place& place);
  Place through_dynamic_slice(ir::Value value, const Place& place);

  const ir::Graph& body_;
  NestBuilder& b_;
  std::vector<Place> places_;  // distinct
  std::map<std::pair<std::uint32_t, std::size_t>, Local> known_;
  std::map<std::uint32_t, Reduced> reduced_;
  std::map<std::uint32_t, Copy> copies_;  // in this phase
};

}  // namespace ndl::codegen
