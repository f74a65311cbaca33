// Lowering that looks through what is realized, so that asking for a value on the way changes no
// result: naive code is made stable by its history, not by what of it has been computed already.
//
//   const Tensor z = exp(x);
//   std::cout << z;                  // inf
//   std::cout << z / sum(z);         // softmax(x), as if z had not been printed
#pragma once

#include <span>
#include <unordered_set>

#include "needle/lower.h"

namespace ndl {

// The realized records with history that are few steps from the inputs of a walk.
std::unordered_set<const Record*> records_behind(std::span<const RecordRef> inputs);

// lower() with what is pending, made stable where that takes the records behind it, which is as far
// as rules look. Whatever of those is still needed afterwards is an input, as usual. The caller
// holds record_mutex().
Lowered lower_through(std::span<const RecordRef> roots, Garbage& garbage);

}  // namespace ndl
