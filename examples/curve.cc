#include "examples/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "base/error.h"

namespace ndl::examples {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 360;
constexpr double kMargin = 56;

// The span of values that an axis shows, a little wider than they need.
struct Axis {
  double low;
  double high;

  explicit Axis(std::span<const double> values) {
    const auto [least, most] = std::ranges::minmax(values);
    const double space = std::max(0.08 * (most - least), 1e-3);
    low = least - space;
    high = most + space;
  }
  double y(double value) const {
    return kHeight - kMargin - (value - low) / (high - low) * (kHeight - 2 * kMargin);
  }
};

double x(std::size_t i, std::size_t count) {
  const double steps = std::max<double>(1, static_cast<double>(count) - 1);
  return kMargin + static_cast<double>(i) / steps * (kWidth - 2 * kMargin);
}

// One line with its axis, on the left or on the right.
std::string line(std::span<const double> values, const char* name, const char* color, bool is_left,
                 bool is_percent) {
  const Axis axis(values);
  std::string points;
  std::string dots;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double px = x(i, values.size());
    const double py = axis.y(values[i]);
    points += fmt::format("{:.1f},{:.1f} ", px, py);
    dots +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", px, py, color);
  }
  std::string labels;
  constexpr int kTicks = 5;
  for (int tick = 0; tick < kTicks; ++tick) {
    const double value = axis.low + (axis.high - axis.low) * tick / (kTicks - 1);
    labels += fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.1f}\" fill=\"{}\" text-anchor=\"{}\">{}</text>\n",
        is_left ? kMargin - 8 : kWidth - kMargin + 8, axis.y(value) + 4, color,
        is_left ? "end" : "start",
        is_percent ? fmt::format("{:.1f}%", 100 * value) : fmt::format("{:.3f}", value));
  }
  labels += fmt::format("<text x=\"{:.0f}\" y=\"28\" fill=\"{}\" text-anchor=\"{}\">{}</text>\n",
                        is_left ? kMargin - 8 : kWidth - kMargin + 8, color,
                        is_left ? "start" : "end", name);
  return fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}{}", points,
      color, dots, labels);
}

}  // namespace

void write_curve(const std::string& path, std::span<const Point> points) {
  std::vector<double> losses;
  std::vector<double> accuracies;
  for (const Point& point : points) {
    losses.push_back(point.loss);
    accuracies.push_back(point.accuracy);
  }
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"white\"/>\n"
      "<path d=\"M{2:.0f} {2:.0f}V{3:.0f}H{4:.0f}V{2:.0f}\" fill=\"none\" stroke=\"#bbb\"/>\n",
      kWidth, kHeight, kMargin, kHeight - kMargin, kWidth - kMargin);
  if (!points.empty()) {
    svg += line(losses, "training loss", "#c2410c", true, false);
    svg += line(accuracies, "test accuracy", "#1d4ed8", false, true);
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n",
                       x(i, points.size()), kHeight - kMargin + 20, i + 1);
  }
  svg +=
      fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">epoch</text>\n</svg>\n",
                  kWidth / 2, kHeight - 14);
  std::ofstream file(path);
  file << svg;
  if (!file.flush()) throw_error<IoError>("{}: cannot be written", path);
}

}  // namespace ndl::examples
