// Which launches are one, and which outputs may have the memory of an input. No LLVM.
#pragma once

#include "codegen/schedule.h"

namespace ndl::codegen {

// Sets Launch::joins_previous and Schedule::outputs_over, and moves launches within runs of those
// that need nothing of each other: what writes over a value comes after all that read it.
void arrange_launches(Schedule& schedule);

}  // namespace ndl::codegen
