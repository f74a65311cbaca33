// The dtypes of operands and result of an elementwise op that is used on `dtype`.
#pragma once

#include <vector>

#include "base/dtype.h"
#include "ir/op.h"

namespace ndl::codegen {

inline std::vector<DType> dtypes_of(const ir::OpDef& def) {
  std::vector<DType> dtypes;
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (def.dtypes.contains(dtype)) dtypes.push_back(dtype);
  }
  return dtypes;
}

inline std::vector<DType> operand_dtypes(const ir::OpDef& def, DType dtype) {
  std::vector<DType> dtypes(def.operands.size(), dtype);
  if (def.kind == ir::ElementwiseKind::kSelect) dtypes.front() = DType::kBool;
  return dtypes;
}

inline DType result_dtype(const ir::OpDef& def, DType dtype) {
  const bool to_bool =
      def.kind == ir::ElementwiseKind::kPredicate || def.kind == ir::ElementwiseKind::kCompare;
  return to_bool ? DType::kBool : dtype;
}

}  // namespace ndl::codegen
