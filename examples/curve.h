// A picture of a training: loss and accuracy by epoch.
#pragma once

#include <span>
#include <string>

namespace ndl::examples {

struct Point {
  double loss;
  double accuracy;  // 0 to 1
};

// Writes an SVG file with both, one point an epoch. Throws IoError.
void write_curve(const std::string& path, std::span<const Point> points);

}  // namespace ndl::examples
