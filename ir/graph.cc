#include "ir/graph.h"

#include <algorithm>
#include <cctype>

#include "base/hash.h"

namespace ndl::ir {
namespace {

// `name` with every character that the text of the IR does not allow replaced.
std::string identifier(std::string_view name) {
  std::string clean(name);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    const bool allowed = (byte < 0x80 && std::isalnum(byte) != 0) || c == '_' || c == '.';
    if (!allowed) c = '_';
  }
  return clean;
}

}  // namespace

void Graph::set_name(std::string_view name) {
  name_ = identifier(name);
  const bool starts_well =
      !name_.empty() &&
      (std::isalpha(static_cast<unsigned char>(name_[0])) != 0 || name_[0] == '_');
  if (!starts_well) name_.insert(name_.begin(), '_');
}

bool Graph::is_splat(Value value) const {
  return op(value) == Op::kConstant && attributes(value).literal(Attr::kValue).is_splat();
}

const std::string& Graph::name(Value value) const {
  static const std::string kNone;
  const auto it = names_.find(value.id);
  return it == names_.end() ? kNone : it->second;
}

void Graph::set_name(Value value, std::string_view name) {
  const bool digits = std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    names_.erase(value.id);
  } else {
    names_[value.id] = identifier(name);
  }
}

SourceLocation Graph::location(Value value) const {
  if (value.id >= places_.size()) return {};
  const Place& place = places_[value.id];
  if (place.line == 0) return {};
  return {files_[place.file], place.line, place.column};
}

void Graph::set_location(Value value, const SourceLocation& location) {
  if (location.line == 0) return;
  if (places_.size() <= value.id) places_.resize(value.id + 1);
  // Neighbours mostly come from one file, so the search from the back is short.
  auto it = std::find(files_.rbegin(), files_.rend(), location.file);
  if (it == files_.rend()) {
    files_.push_back(location.file);
    it = files_.rbegin();
  }
  const auto file = static_cast<std::uint32_t>(files_.rend() - it - 1);
  places_[value.id] = {file, location.line, location.column};
}

std::vector<std::uint32_t> Graph::use_counts() const {
  std::vector<std::uint32_t> counts(size());
  for (const Value operand : operands_) ++counts[operand.id];
  if (has_result_) ++counts[result_.id];
  return counts;
}

std::vector<bool> Graph::live_nodes() const {
  std::vector<bool> live(size());
  std::fill_n(live.begin(), num_parameters_, true);
  if (!has_result_) return live;
  live[result_.id] = true;
  for (std::size_t id = size(); id-- > 0;) {
    if (!live[id]) continue;
    for (const Value operand : operands({static_cast<std::uint32_t>(id)})) live[operand.id] = true;
  }
  return live;
}

bool Graph::operator==(const Graph& other) const {
  if (size() != other.size() || num_parameters_ != other.num_parameters_) return false;
  if (has_result_ != other.has_result_ || (has_result_ && result_ != other.result_)) return false;
  for (std::uint32_t id = 0; id < size(); ++id) {
    const Value value{id};
    if (op(value) != other.op(value) || type(value) != other.type(value) ||
        !std::ranges::equal(operands(value), other.operands(value)) ||
        !(attributes(value) == other.attributes(value))) {
      return false;
    }
  }
  return true;
}

bool Graph::has_tables_of(const Graph& other) const {
  return region_depth_ == 0 && name_ == other.name_ && names_ == other.names_ &&
         places_ == other.places_ && files_ == other.files_;
}

std::size_t Graph::hash() const {
  std::size_t seed = size();
  for (std::uint32_t id = 0; id < size(); ++id) {
    const Value value{id};
    hash_combine(seed, static_cast<std::size_t>(op(value)));
    hash_combine(seed, type(value).hash());
    for (const Value operand : operands(value)) hash_combine(seed, operand.id);
    hash_combine(seed, attributes(value).hash());
  }
  hash_combine(seed, result_.id);
  return seed;
}

}  // namespace ndl::ir
