#include "base/dtype.h"

#include <array>

namespace ndl {
namespace {

constexpr std::array<std::string_view, kDTypeCount> kNames = {
#define NDL_X(enumerator, name, type) name,
    NDL_FOR_EACH_DTYPE(NDL_X)
#undef NDL_X
};

}  // namespace

std::string_view name_of(DType dtype) { return kNames[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::string DTypeSet::to_string() const {
  std::string text;
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (!contains(dtype)) continue;
    if (!text.empty()) text += ' ';
    text += name_of(dtype);
  }
  return text;
}

}  // namespace ndl
