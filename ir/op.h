// The op table: every op as data. Whatever lists ops reads it from here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"

namespace ndl::ir {

class Attributes;
class Builder;
class Literal;
class Type;
struct Evaluation;
struct Inference;
struct Value;

enum class Op : std::uint8_t {
#define NDL_ELEMENTWISE(enumerator, ...) enumerator,
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
#define NDL_STRUCTURAL(enumerator, ...) enumerator,
#define NDL_COMPOSED NDL_STRUCTURAL
#define NDL_GRAPH_OP NDL_STRUCTURAL
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_COMPOSED
#undef NDL_STRUCTURAL
};

inline constexpr int kOpCount = 0
#define NDL_ELEMENTWISE(...) +1
#include "ir/elementwise.def"
#undef NDL_ELEMENTWISE
#define NDL_STRUCTURAL(...) +1
#define NDL_COMPOSED NDL_STRUCTURAL
#define NDL_GRAPH_OP NDL_STRUCTURAL
#include "ir/structural.def"
#undef NDL_GRAPH_OP
#undef NDL_COMPOSED
#undef NDL_STRUCTURAL
    ;

// X(enumerator, name in text). The names of attributes, shared by all ops.
#define NDL_FOR_EACH_ATTR(X)        \
  X(kAccumulator, "accumulator")    \
  X(kAxes, "axes")                  \
  X(kAxis, "axis")                  \
  X(kBaseDilation, "base_dilation") \
  X(kBatchDims, "batch_dims")       \
  X(kBody, "body")                  \
  X(kCarried, "carried")            \
  X(kCondition, "condition")        \
  X(kDescending, "descending")      \
  X(kDilation, "dilation")          \
  X(kElse, "else")                  \
  X(kGradient, "gradient")          \
  X(kGroups, "groups")              \
  X(kHigh, "high")                  \
  X(kIndex, "index")                \
  X(kInterior, "interior")          \
  X(kKind, "kind")                  \
  X(kLength, "length")              \
  X(kLimit, "limit")                \
  X(kLow, "low")                    \
  X(kPermutation, "permutation")    \
  X(kReverse, "reverse")            \
  X(kScalars, "scalars")            \
  X(kScanned, "scanned")            \
  X(kSize, "size")                  \
  X(kStart, "start")                \
  X(kStride, "stride")              \
  X(kThen, "then")                  \
  X(kValue, "value")

enum class Attr : std::uint8_t {
#define NDL_X(enumerator, name) enumerator,
  NDL_FOR_EACH_ATTR(NDL_X)
#undef NDL_X
};

std::string_view name_of(Attr attr);

enum class AttrKind : std::uint8_t {
  kInteger,   // 3
  kIntegers,  // [0, 2]
  kBoolean,   // true
  kDType,     // f32
  kSymbol,    // one of AttrDef::symbols
  kScalars,   // [1, 2.5]
  kLiteral,   // element data of the result's type
  kRegion,    // a graph
};

// The schema of one attribute of an op.
struct AttrDef {
  Attr name;
  AttrKind kind;
  // May be left out, and is when printed, if it is (or every element of it is) `fallback`.
  bool optional = false;
  std::int64_t fallback = 0;
  std::vector<std::string_view> symbols = {};
};

// How an elementwise op maps operand types to a result type, all of one shape.
enum class ElementwiseKind : std::uint8_t {
  kUnary,      // (T) -> T
  kBinary,     // (T, T) -> T
  kTernary,    // (T, T, T) -> T
  kPredicate,  // (T) -> bool
  kCompare,    // (T, T) -> bool
  kSelect,     // (bool, T, T) -> T
};

constexpr int operand_count(ElementwiseKind kind) {
  switch (kind) {
    case ElementwiseKind::kUnary:
    case ElementwiseKind::kPredicate:
      return 1;
    case ElementwiseKind::kBinary:
    case ElementwiseKind::kCompare:
      return 2;
    case ElementwiseKind::kTernary:
    case ElementwiseKind::kSelect:
      return 3;
  }
  return 0;
}

enum class OpClass : std::uint8_t { kElementwise, kStructural, kComposed };

struct OpDef {
  Op op{};
  std::string_view name;
  OpClass op_class{};
  std::vector<std::string_view> operands;  // their names
  bool variadic = false;                   // the last operand stands for any number of them
  std::size_t min_operands = 0;
  bool type_given = false;  // the result type is written, not inferred
  std::vector<AttrDef> attributes;
  std::string_view doc;

  DTypeSet dtypes;  // allowed, see the .def files

  // Elementwise ops only.
  ElementwiseKind kind = ElementwiseKind::kUnary;
  double sample_low = 0;
  double sample_high = 0;

  // The result type, after completing and checking the attributes; throws ShapeError, DTypeError or
  // VerifyError.
  Type (*infer)(Inference&) = nullptr;
  // The typed meaning; null for composed ops and for the few whose meaning is the interpreter's own
  // business (parameters, constants, tuples, regions).
  std::vector<Literal> (*evaluate)(const Evaluation&) = nullptr;
  // The meaning of a composed op, built from other ops.
  Value (*expand)(Builder&, std::span<const Value> operands, const Attributes&) = nullptr;

  bool is_elementwise() const { return op_class == OpClass::kElementwise; }
  bool holds_regions() const {
    return !attributes.empty() && attributes.back().kind == AttrKind::kRegion;
  }
};

// Whether f(a, b) is f(b, a), bit for bit.
constexpr bool is_commutative(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kMul:
    case Op::kMin:
    case Op::kMax:
    case Op::kAnd:
    case Op::kOr:
    case Op::kXor:
    case Op::kEq:
    case Op::kNe:
      return true;
    default:
      return false;
  }
}

// Whether an index may be out of range, which is an error.
constexpr bool may_fail(Op op) {
  return op == Op::kGather || op == Op::kScatterAdd || op == Op::kDynamicSlice ||
         op == Op::kDynamicUpdateSlice;
}

const OpDef& op_def(Op op);
inline std::string_view name_of(Op op) { return op_def(op).name; }
// Null when there is no such op.
const OpDef* find_op(std::string_view name);
std::span<const OpDef> all_ops();

}  // namespace ndl::ir
