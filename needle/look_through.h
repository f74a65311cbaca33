// Lowering that looks through what is realized, so that asking for a value on the way changes no
// result: naive code is made stable by its history, not by what of it has been computed already.
//
//   const Tensor z = exp(x);
//   std::cout << z;                  // inf
//   std::cout << z / sum(z);         // softmax(x), as if z had not been printed
#pragma once

#include <span>

#include "needle/lower.h"

namespace ndl {

// lower() with what is pending, made stable where that takes realized records with history: the few
// next steps of it, which is as far as rules look. Whatever of those is still needed afterwards is
// an input, as usual. The caller holds record_mutex().
Lowered lower_through(std::span<const RecordRef> roots, Garbage& garbage);

}  // namespace ndl
