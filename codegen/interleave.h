// Rows in memory as columns in registers, a vector of as many rows as there are lanes for each
// column, and back. Internal to codegen.
//
// Where few elements lie between the rows, whole vectors of memory are taken apart; else each row
// is a vector, or several, and squares of them are transposed. For wide vectors that is a loop
// through memory: LLVM takes its time over shuffles, and unrolled they would double that of a
// kernel.
#pragma once

#include <llvm/IR/Value.h>

#include <cstdint>

#include "base/dtype.h"
#include "codegen/control_flow.h"

namespace ndl::codegen {

// Columns 0, ..., count - 1 of rows `distance` elements apart, from `source` on; as load_lanes
// gives them (codegen/memory.h). No element beyond the last one is touched.
Values load_columns(DType dtype, llvm::Value* source, std::int64_t distance, std::size_t count);
// Stores columns likewise, and nothing between the rows.
void store_columns(DType dtype, const Values& columns, llvm::Value* target, std::int64_t distance);

// Element i of vector j becomes element j of vector i, of as many vectors as they have lanes.
Values transposed(Values rows);

}  // namespace ndl::codegen
