// Which ops a fusion may have, and what they are in it. Internal to fusion.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace ndl::passes {

// What is there before anything runs: a parameter or a constant.
bool is_input(const ir::Graph& graph, ir::Value value);

// Whether it is an input in another shape, which takes no time.
bool is_renamed_input(const ir::Graph& graph, ir::Value value);

// Whether one element of the result is one element of the operands, at the same index or another,
// so that the op may stand anywhere in a kernel.
bool is_map(const ir::Graph& graph, ir::Value value);

// Whether the op's loops are a kernel's, which may go on with the result.
bool is_root(const ir::Graph& graph, ir::Value value);

// Whether it moves elements to where they are read by an index made of the index alone.
bool moves_in_place(const ir::Graph& graph, ir::Value value);

// Whether a matrix is moved from what it was, and as well read there.
bool is_moved_matrix(const ir::Graph& graph, ir::Value value);
// The same of one whose rows lie side by side there too, at distances that do not fall on the same
// lines of a cache.
bool is_matrix_of_moved_rows(const ir::Graph& graph, ir::Value value);

// Of each node whether every kernel that reads it may make it again: a number that few cheap ops
// make of inputs, such as a learning rate with a correction, or one everywhere in a shape; and a
// slice or broadcast of an input that several maps read, or one that repeats it; and a mask or the
// like that few cheap ops make of places.
std::vector<bool> find_remade(const ir::Graph& graph);

}  // namespace ndl::passes
