// Which specification of a command line belongs to which parameter or result of a graph.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tools/spec.h"

namespace ndl::tools {

// "4x8xf32": a type as specifications write it.
std::string to_spec_type(const ir::TensorType& type);

// For each parameter the specification that is given, or nothing; as bind_inputs otherwise.
std::vector<std::optional<Spec>> bind_given_inputs(const ir::Graph& graph,
                                                   const std::vector<std::string>& texts);

// One specification for each parameter: those with a name by name, the others in order. Throws
// UsageError for names that are not there, for too many, and for parameters that are left out (the
// first of which the message lists), ShapeError or DTypeError for a type that is not the
// parameter's.
std::vector<Spec> bind_inputs(const ir::Graph& graph, const std::vector<std::string>& texts);

// The specifications of expected results, for each result the one given or nothing. Results are
// called out0, out1, ... A wide result may also be expected as f64.
std::vector<std::optional<Spec>> bind_expected(const ir::Graph& graph,
                                               const std::vector<std::string>& texts, bool wide);

// "out0"
std::string result_name(std::size_t index);

// The tensors of bound specifications; `stream` as in make_literal. The type of a file that was
// given none is checked here, before its data is read.
ir::Literal make_input(const ir::Graph& graph, std::size_t parameter, const Spec& spec,
                       std::uint64_t seed);
std::vector<ir::Literal> make_inputs(const ir::Graph& graph, const std::vector<Spec>& specs,
                                     std::uint64_t seed);
ir::Literal make_expected(const ir::TensorType& type, const Spec& spec, std::uint64_t seed,
                          bool wide);

}  // namespace ndl::tools
