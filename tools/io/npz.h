// NumPy's .npz files: zip archives of .npy files, as np.savez writes and np.load reads them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/literal.h"
#include "tools/io/npy.h"

namespace ndl::tools {

// The array called `key`, stored or deflated; `check` sees its type before its data is unpacked.
// Throws IoError for a file that is no such archive, is damaged, or lacks the key (the message lists
// those it has).
ir::Literal read_npz(const std::string& path, const std::string& key, const TypeCheck& check = {});

// An archive of named arrays, stored, the same bytes for the same arrays.
std::string encode_npz(const std::vector<std::pair<std::string, ir::Literal>>& arrays);

}  // namespace ndl::tools
