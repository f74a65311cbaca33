// IDX files, the format of the MNIST data sets, plain or compressed by gzip.
#pragma once

#include <string>

#include "ir/literal.h"

namespace ndl::data {

// The array in the file: u8, i8, i16, i32, f32 or f64, of the rank and extents that its header
// says. Throws IoError that names the file for one that cannot be read, is no IDX file, is damaged,
// or is shorter or longer than its header says; ShapeError for extents that are too large.
ir::Literal read_idx(const std::string& path);

}  // namespace ndl::data
