// Specifications of tensors on a command line.
//
//   [NAME=]TYPE[=SOURCE]     x=4x8xf32=rand:-1:1    3xf32="100 100 101"    f32=3
//   [NAME=]@FILE             x=@x.npy               y=@all.npz:y
//
//   TYPE    extents and a dtype: 4x8xf32, and f32 for rank 0
//   SOURCE  values, separated by spaces or commas; one value stands for all elements
//           @f.npy, @f.npz:key
//           zeros, ones, iota (the row-major index)
//           rand, rand:low:high   uniform; floats in [0, 1) or [low, high), integers in 0..9 or
//                                 low..high-1, bool either
//           randn, randn:mu:sigma normal; floats only
//           nothing: rand
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/literal.h"
#include "tools/io/npy.h"

namespace ndl::tools {

struct Spec {
  struct Values {
    std::vector<std::string> texts;
  };
  struct File {
    std::string path;
    std::string key;  // of an .npz
  };
  enum class Pattern { kZeros, kOnes, kIota };
  struct Uniform {
    std::string low, high;  // both empty: the default of the dtype
  };
  struct Normal {
    double mean = 0, deviation = 1;
  };
  using Source = std::variant<Values, File, Pattern, Uniform, Normal>;

  std::string text;                    // as written, for messages
  std::string name;                    // "" if not given
  std::optional<ir::TensorType> type;  // nothing: that of the file
  Source source;
};

// Throws UsageError for text that is no specification.
Spec parse_spec(std::string_view text);

// "4x8xf32" as a type; nothing if it is not one. Throws ShapeError for a shape that cannot be.
std::optional<ir::TensorType> parse_spec_type(std::string_view text);

// The tensor. Random elements depend on `seed`, `stream` and their index alone; inputs are numbered
// by `stream` so that they differ. Throws UsageError for values that do not fit the type, and what
// reading a file throws; a file of another type than `type` is a ShapeError or DTypeError, and
// `check` sees the type of a file that was given none. Both come before the data is read.
ir::Literal make_literal(const Spec& spec, std::uint64_t seed, std::uint64_t stream,
                         const TypeCheck& check = {});

}  // namespace ndl::tools
