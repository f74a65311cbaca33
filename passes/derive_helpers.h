// What several rules of derivatives need. Internal to passes/derive_*.cc.
#pragma once

#include "ir/builder.h"
#include "passes/derive.h"
#include "passes/term.h"

namespace ndl::passes {

// What broadcasting `shape` to that of x is the transpose of: sums (of bools: any) along the axes
// that were repeated.
ir::Value unbroadcast(ir::Builder& b, ir::Value x, const ir::Shape& shape);

// x with zeros (or false) before, after and between its elements; a negative number of zeros before
// or after takes elements away, after those between have been put in.
ir::Value resize(ir::Builder& b, ir::Value x, const ir::Dims& low, const ir::Dims& high,
                 const ir::Dims& interior);

// x[indices] along `axis`, position by position along the other axes; x and the indices have one
// shape, but for the extent of that axis.
ir::Value take_along(ir::Builder& b, ir::Value x, ir::Value indices, std::int64_t axis);

// The gradient of a factor x of a product, all in the shape of x: `zeros` of the factors are 0, and
// `product` is that of the others. No division by 0, and right where just one factor is 0.
Term gradient_of_factor(const Term& x, const Term& g, const Term& product, const Term& zeros);
// 1 where x is 0, else 0.
Term zero_count(const Term& x);
// The factors that are not 0.
Term without_zeros(const Term& x);

// Adds g * slope to the gradient of operand i of an op on single elements. Where that operand holds
// powers, which are steeper than any slope that is 0 can follow, it stays 0 though a factor is
// infinite: the gradient of exp(-exp(x)) at 1000 is 0, not 0 * inf.
void add_fading(Derivation& d, std::size_t i, ir::Value g, ir::Value slope);

}  // namespace ndl::passes
