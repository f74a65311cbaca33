// Computing: what is pending becomes a graph, the graph a program, and its results hang on the
// records.
#pragma once

#include <concepts>
#include <source_location>
#include <span>
#include <vector>

#include "needle/record.h"
#include "needle/tensor.h"

namespace ndl {

// Computes those of `records` that are pending, all in one program. Programs are cached by the
// structure of the graph. A result that requires no gradient lets go of its inputs.
//
// Throws TraceError while a function is being traced, or if a record needs an argument of one; what
// compiling throws; IndexError for an index out of range; ResourceError. Nothing is realized then.
// `at` is who asks, for a TraceError.
void realize(std::span<const RecordRef> records, const std::source_location& at = {});

// realize(loss, accuracy): both with one run.
template <std::derived_from<Value>... Values>
void realize(const Value& first, const Values&... rest) {
  const RecordRef records[] = {first.record(), rest.record()...};
  realize(records);
}

// The same for a list of tensors.
void realize(std::span<const Tensor> tensors,
             const std::source_location& at = std::source_location::current());

}  // namespace ndl
