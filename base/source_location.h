// A place in a user's program or in an IR file.
#pragma once

#include <string>

namespace ndl {

// line and column count from 1; 0 means unknown. A column counts bytes.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator==(const SourceLocation&) const = default;

  // "model.cc:12:7", without the parts that are unknown.
  std::string to_string() const;
};

}  // namespace ndl
