// What every elementwise op means for one element, written apart from the library: in MPFR, and in
// integers that hold every result.
#pragma once

#include <compare>
#include <string_view>

#include "tests/base/mpfr_format.h"

namespace ndl::ir::test {

using ndl::test::Real;

struct IntegerType {
  int bits;  // 1 for bool
  bool is_signed;

  __int128 lowest() const { return is_signed ? -(__int128{1} << (bits - 1)) : 0; }
  __int128 highest() const { return lowest() + (__int128{1} << bits) - 1; }
  // The value of the type that is equal to x modulo 2^bits.
  __int128 wrap(__int128 x) const;
};

// A row has a function for each kind of element its op takes; `select` needs none.
struct Reference {
  std::string_view op;
  // Sets the result for float operands, to 256 bits.
  void (*real)(mpfr_ptr result, const Real* x) = nullptr;
  // Whether a float result is that, rounded; otherwise it is near.
  bool exact = false;
  // The result for integers and bool, to be wrapped.
  __int128 (*integer)(const __int128* x, const IntegerType& type) = nullptr;
  bool (*comparison)(std::partial_ordering) = nullptr;
  bool (*predicate)(double) = nullptr;
};

// Null when there is no row.
const Reference* find_reference(std::string_view op);

}  // namespace ndl::ir::test
