// Prints docs/accuracy.md: the bounds that the tests hold the leaf functions to.
#include <fmt/core.h>

#include "tests/math/leaves.h"

namespace ndl::ir::math::test {
namespace {

constexpr const char* kHead = R"(# Accuracy

The largest errors of the functions that are not computed exactly, in units in the last place (ULP) of
the correctly rounded result; 0.5 is correctly rounded. Written by
`bazel run //tests/math:accuracy_page` from the bounds that the tests hold.

Interpreter and compiled code give the same bits, on one lane or many: a row is true of both. The last
two columns are for CPUs without fused multiply and add, that is for `--cpu=x86-64`.

A bound is what was measured, rounded up: for functions of one f32 over all 2^32 inputs, else over
at least 10^7 samples of all exponents and of the ranges in which a function is worst, against MPFR
with 160 bits (`bazel test --config=long //tests/math:leaf_test //tests/codegen:leaf_without_fma_test`;
without `--config=long` 2^24 floats and 10^5 doubles). A wrong NaN or infinity, or a zero of the wrong
sign, counts as an infinite error. f16 and bf16 are computed in f32 and rounded once.

`sqrt`, `+`, `-`, `*`, `/` and conversions are correctly rounded; `exp2` of integral arguments and
`log2` of powers of two are exact.

| op | f32 | f64 | f32 without FMA | f64 without FMA |
|---|---|---|---|---|
)";

void print_row(const char* name, const Bound& fused, const Bound& without) {
  fmt::print("| `{}` | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n", name, fused.for_float,
             fused.for_double, without.for_float, without.for_double);
}

void print_page() {
  fmt::print("{}", kHead);
  for (const Unary& row : unary_leaves()) print_row(row.name, row.bound, row.without_fma);
  for (const Binary& row : binary_leaves()) print_row(row.name, row.bound, row.without_fma);
}

}  // namespace
}  // namespace ndl::ir::math::test

int main() { ndl::ir::math::test::print_page(); }
