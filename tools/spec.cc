#include "tools/spec.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

namespace ndl::tools {
namespace {

constexpr std::string_view kForm = "[NAME=]TYPE[=SOURCE], as in x=4x8xf32=rand";

template <class... Args>
[[noreturn]] void fail(std::string_view spec, fmt::format_string<Args...> format, Args&&... args) {
  throw_error<UsageError>("'{}': {}", excerpt(spec),
                          fmt::format(format, std::forward<Args>(args)...));
}

double parse_double(std::string_view spec, std::string_view text) {
  double value = 0;
  if (from_text(text, value) != NumberError::kNone || !std::isfinite(value)) {
    fail(spec, "'{}' is not a finite number", excerpt(text));
  }
  return value;
}

Spec::File parse_file(std::string_view spec, std::string_view path) {
  // An archive first: its key may end in .npy.
  constexpr std::string_view kArchive = ".npz:";
  const std::size_t archive = path.rfind(kArchive);
  if (archive != path.npos) {
    const std::size_t key = archive + kArchive.size();
    if (key == path.size()) fail(spec, "an .npz file needs a key: @{}KEY", excerpt(path));
    return {std::string(path.substr(0, key - 1)), std::string(path.substr(key))};
  }
  if (path.ends_with(".npz")) fail(spec, "an .npz file needs a key: @{}:KEY", excerpt(path));
  if (path.ends_with(".npy")) return {std::string(path), ""};
  fail(spec, "@ is followed by FILE.npy or FILE.npz:KEY");
}

// "rand:-1:1" as its parts; nothing when `text` does not begin with the word.
std::optional<std::vector<std::string_view>> arguments_of(std::string_view text,
                                                          std::string_view word) {
  auto parts = split(text, ':');
  if (parts[0] != word) return std::nullopt;
  parts.erase(parts.begin());
  return parts;
}

Spec::Values parse_values(std::string_view text) {
  Spec::Values values;
  constexpr std::string_view kSeparators = " ,\t\r\n";
  std::size_t begin = 0;
  while ((begin = text.find_first_not_of(kSeparators, begin)) != text.npos) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    values.texts.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return values;
}

Spec::Source parse_source(std::string_view spec, std::string_view text) {
  if (text.starts_with('@')) return parse_file(spec, text.substr(1));
  if (text == "zeros") return Spec::Pattern::kZeros;
  if (text == "ones") return Spec::Pattern::kOnes;
  if (text == "iota") return Spec::Pattern::kIota;
  if (const auto arguments = arguments_of(text, "rand")) {
    if (arguments->empty()) return Spec::Uniform{};
    if (arguments->size() != 2) fail(spec, "rand takes no bounds or two: rand:LOW:HIGH");
    return Spec::Uniform{std::string(arguments->at(0)), std::string(arguments->at(1))};
  }
  if (const auto arguments = arguments_of(text, "randn")) {
    if (arguments->empty()) return Spec::Normal{};
    if (arguments->size() != 2) fail(spec, "randn takes nothing or both: randn:MEAN:DEVIATION");
    return Spec::Normal{parse_double(spec, arguments->at(0)), parse_double(spec, arguments->at(1))};
  }
  return parse_values(text);
}

}  // namespace

std::optional<ir::TensorType> parse_spec_type(std::string_view text) {
  const auto parts = split(text, 'x');
  const auto dtype = dtype_named(parts.back());
  if (!dtype) return std::nullopt;
  ir::Dims dims;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool is_number = !parts[i].empty() && std::ranges::all_of(parts[i], [](char c) {
      return c >= '0' && c <= '9';
    });
    if (!is_number) return std::nullopt;
    std::int64_t extent = 0;
    if (from_text(parts[i], extent) != NumberError::kNone) {
      throw_error<ShapeError>("'{}': the extent {} does not fit an int64", excerpt(text),
                              excerpt(parts[i]));
    }
    dims.push_back(extent);
  }
  return ir::TensorType{*dtype, ir::Shape(std::move(dims))};
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  spec.text = text;

  // 1. A name, if what follows it is a type or a file. A dtype may be a name too: in "f32=f32=1"
  //    the first is one, in "f32=1" it is not.
  std::string_view rest = text;
  const std::size_t equals = text.find('=');
  if (equals != text.npos) {
    const std::string_view first = text.substr(0, equals);
    const std::string_view after = text.substr(equals + 1);
    const std::size_t next = after.find('=');
    const bool first_is_type = parse_spec_type(first).has_value();
    const bool type_follows = parse_spec_type(after.substr(0, next)).has_value();
    const bool is_name =
        first_is_type ? type_follows && next != after.npos : type_follows || after.starts_with('@');
    if (is_name && first.empty()) fail(text, "an empty name before '='");
    if (is_name) {
      spec.name = first;
      rest = after;
    } else if (!first_is_type && !text.starts_with('@')) {
      fail(text, "neither '{}' nor '{}' is a type; the form is {}", excerpt(first),
           excerpt(after.substr(0, next)), kForm);
    }
  }

  // 2. The type, which only a file can do without.
  if (rest.starts_with('@')) {
    spec.source = parse_source(text, rest);
    return spec;
  }
  const std::size_t end = rest.find('=');
  spec.type = parse_spec_type(rest.substr(0, end));
  if (!spec.type) {
    fail(text, "'{}' is not a type; the form is {}", excerpt(rest.substr(0, end)), kForm);
  }

  // 3. The source.
  spec.source = end == rest.npos ? Spec::Uniform{} : parse_source(text, rest.substr(end + 1));
  return spec;
}

}  // namespace ndl::tools
