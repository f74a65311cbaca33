// Products of matrices that no step of a scan has to wait for are made for all steps at once:
// before the loop what is made of its items alone, after it what only its outputs need.
//
//   %0 = scan(%h, %xs, %w, %u)            %0 = matmul(%xs, %w)
//   body(%h, %x, %w, %u) {          ->    %1 = scan(%h, %0, %u)
//     %0 = matmul(%x, %w)                 body(%h, %x, %u) {
//     %1 = matmul(%h, %u)                   %0 = matmul(%h, %u)
//     %2 = add(%0, %1)                      %1 = add(%x, %0)
//     ...                                   ...
//
// Internal to the pass `hoist`.
#pragma once

#include <vector>

#include "ir/builder.h"
#include "passes/pass.h"

namespace ndl::passes {

// Whether an op is as well done in every step as before the loop.
bool costs_nothing(ir::Op op);

// What a scan with these attributes gives on these operands.
ir::Value scan_with_products_outside(ir::Builder& b, ir::Attributes attributes,
                                     std::vector<ir::Value> operands, const PassContext& context);

}  // namespace ndl::passes
