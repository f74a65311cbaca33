// Modules: structures of parameters.
//
//   struct ScaleAdd : nn::Module {
//     nn::Parameter s{1};
//     nn::Parameter b{0};
//     Tensor operator()(const Tensor& x) const { return x * s + b; }
//   };
//   struct MultiPath : nn::Module {
//     ScaleAdd path0, path1;
//   };
//   for (Tensor& w : nn::parameters(model)) w.set_data(w.data() - 0.1 * step);
//
// An aggregate's members are found by themselves, up to 16 (no C arrays, no references). A class
// with a constructor or private members lists them once in its public part: NDL_MEMBERS(s, b).
// Anything else does not compile. Parameters are looked for in members that are parameters,
// modules, or vectors, arrays, maps, optionals, pointers, pairs and tuples of those; a plain Tensor
// is not a parameter. The same goes for buffers, which are saved with the parameters but not
// learned, and for the mode, training or not, of those modules that have one.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "needle/members.h"
#include "needle/tensor.h"

namespace ndl::nn {

// What modules derive from, directly. It holds nothing.
struct Module {};

// A tensor that is to be learned. Unlike a Tensor's, its copies are parameters of their own with
// the same data, so that copying a module copies what it has learned.
class Parameter : public Tensor {
 public:
  using Tensor::Tensor;
  // A new parameter with the data of `value`.
  explicit Parameter(const Tensor& value) : Tensor(make_alias(value.record(), true, true)) {}
  Parameter(const Parameter& other)
      : Tensor(make_alias(other.record(), other.requires_grad(), true)) {}
  Parameter(Parameter&& other) noexcept = default;
  Parameter& operator=(const Parameter& other) { return *this = Parameter(other); }
  Parameter& operator=(Parameter&& other) noexcept = default;
  ~Parameter() = default;

  // Another handle to this same parameter, for a module that shares it.
  Parameter share() const { return Parameter(Share{}, *this); }

 private:
  struct Share {};
  Parameter(Share, const Parameter& other) : Tensor(static_cast<const Tensor&>(other)) {}
};

// A tensor that is part of what a model knows, but not learned: a running mean. Requires no
// gradient; its copies are buffers of their own.
class Buffer : public Tensor {
 public:
  explicit Buffer(const Tensor& value) : Tensor(make_alias(value.record(), false, true)) {}
  Buffer(const Buffer& other) : Buffer(static_cast<const Tensor&>(other)) {}
  Buffer(Buffer&& other) noexcept = default;
  Buffer& operator=(const Buffer& other) { return *this = Buffer(other); }
  Buffer& operator=(Buffer&& other) noexcept = default;
  ~Buffer() = default;
};

// Whether a module is training, which it is at first, or evaluated.
class Mode {
 public:
  bool is_training() const { return is_training_; }
  // A model is switched as a whole, see train() and eval(), and may be const.
  void set_training(bool is_training) const;

 private:
  mutable bool is_training_ = true;
};

// Lists the members of a module that is no aggregate, once, in the order of parameters().
#define NDL_MEMBERS(...)                                                        \
  auto ndl_members() const { return std::tie(__VA_ARGS__); }                    \
  static constexpr std::string_view ndl_member_names() { return #__VA_ARGS__; } \
  auto ndl_class() const { return std::type_identity<std::remove_cvref_t<decltype(*this)>>(); }

struct NamedTensor {
  std::string name;  // "path0.s", "layers.2.weight"
  Tensor tensor;
};

namespace internal {

template <class T>
concept HasMemberList = requires(const T& module) { module.ndl_members(); };
template <class T>
concept Container =
    std::ranges::input_range<const T> && !std::same_as<std::ranges::range_value_t<const T>, T>;
template <class T>
concept Map = Container<T> && requires { typename T::mapped_type; };
// An optional or a pointer.
template <class T>
concept Holder = !Container<T> && !std::derived_from<T, Tensor> && requires(const T& holder) {
  static_cast<bool>(holder);
  *holder;
} && !std::is_void_v<std::remove_pointer_t<T>>;
template <class T>
concept TupleLike = !Container<T> && requires { std::tuple_size<T>::value; };

// What a module is made of, in the end.
template <class T>
concept Part =
    std::derived_from<T, Parameter> || std::derived_from<T, Buffer> || std::derived_from<T, Mode>;

// Whether parts are looked for in a T, so that strings and numbers are not walked.
template <class T>
consteval bool may_hold_parts() {
  if constexpr (Part<T> || std::derived_from<T, Module>) {
    return true;
  } else if constexpr (std::derived_from<T, Tensor>) {
    return false;
  } else if constexpr (Map<T>) {
    return may_hold_parts<typename T::mapped_type>();
  } else if constexpr (Container<T>) {
    return may_hold_parts<std::ranges::range_value_t<const T>>();
  } else if constexpr (Holder<T>) {
    return may_hold_parts<std::remove_cvref_t<decltype(*std::declval<const T&>())>>();
  } else if constexpr (TupleLike<T>) {
    return []<std::size_t... i>(std::index_sequence<i...>) {
      return (may_hold_parts<std::remove_cvref_t<std::tuple_element_t<i, T>>>() || ...);
    }(std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return false;
  }
}

// Calls f(path, part) for each part of a module, in the order of its members.
template <class F>
class PartWalk {
 public:
  explicit PartWalk(F f) : f_(std::move(f)) {}

  template <class T>
  void visit(const T& value) {
    if constexpr (Part<T>) {
      f_(path_, value);
    } else if constexpr (std::derived_from<T, Module>) {
      visit_module(value);
    } else if constexpr (!may_hold_parts<T>()) {
    } else if constexpr (Map<T>) {
      for (const auto& [key, element] : value) visit_below(fmt::format("{}", key), element);
    } else if constexpr (Container<T>) {
      std::size_t i = 0;
      for (const auto& element : value) visit_below(std::to_string(i++), element);
    } else if constexpr (Holder<T>) {
      if (value) visit(*value);
    } else if constexpr (TupleLike<T>) {
      std::size_t i = 0;
      std::apply([&](const auto&... parts) { (visit_below(std::to_string(i++), parts), ...); },
                 value);
    }
  }

 private:
  template <class T>
  void visit_below(std::string_view name, const T& value) {
    const std::size_t length = path_.size();
    if (length > 0) path_ += '.';
    path_ += name;
    visit(value);
    path_.resize(length);
  }

  template <class M>
  void visit_module(const M& module) {
    if constexpr (HasMemberList<M>) {
      static_assert(std::same_as<typename decltype(module.ndl_class())::type, M>,
                    "the module inherits a list of members; it needs NDL_MEMBERS(a, b) of its own");
      std::string_view names = M::ndl_member_names();
      std::apply([&](const auto&... members) { (visit_below(next_name(names), members), ...); },
                 module.ndl_members());
    } else {
      static_assert(std::is_aggregate_v<M>,
                    "a module with a constructor or private members lists its members once, in its "
                    "public part: NDL_MEMBERS(a, b)");
      // Not evaluated for what failed above, lest its message drown in others.
      if constexpr (std::is_aggregate_v<M>) visit_aggregate(module);
    }
  }

  template <class M>
  void visit_aggregate(const M& module) {
    constexpr std::size_t kCount = ndl::internal::kMemberCount<M>;
    static_assert(kCount <= ndl::internal::kMostMembers,
                  "a module of more than 16 members lists them: NDL_MEMBERS(a, b)");
    static_assert(kCount > 0 || std::is_empty_v<M>,
                  "a module derives from nn::Module directly, or lists its members: "
                  "NDL_MEMBERS(a, b)");
    if constexpr (kCount > 0 && kCount <= ndl::internal::kMostMembers) {
      ndl::internal::apply_to_members(module, [&](const auto&... members) {
        [&]<std::size_t... i>(std::index_sequence<i...>) {
          (visit_below(ndl::internal::kMemberName<M, i>, members), ...);
        }(std::make_index_sequence<kCount>());
      });
    }
  }

  // Takes the first name off a list "a, b".
  static std::string_view next_name(std::string_view& names) {
    const std::size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
    while (names.starts_with(' ')) names.remove_prefix(1);
    return name;
  }

  F f_;
  std::string path_;
};

template <class T, class F>
void for_each_part(const T& model, F f) {
  static_assert(may_hold_parts<T>(), "neither a module nor a container of modules");
  PartWalk<F>(std::move(f)).visit(model);
}

}  // namespace internal

// Every parameter of `model`, a module or a container of modules, in the order of its members, with
// its path. A parameter that two members share occurs twice.
template <class T>
std::vector<NamedTensor> named_parameters(const T& model) {
  std::vector<NamedTensor> found;
  internal::for_each_part(model, [&]<class P>(const std::string& path, const P& part) {
    if constexpr (std::derived_from<P, Parameter>) found.push_back({path, part});
  });
  return found;
}

// The tensors alone: handles to the parameters, so set_data() on them changes the model.
template <class T>
std::vector<Tensor> parameters(const T& model) {
  std::vector<Tensor> tensors;
  for (NamedTensor& parameter : named_parameters(model)) {
    tensors.push_back(std::move(parameter.tensor));
  }
  return tensors;
}

// Switches all of the model to training, and to evaluation: Dropout and BatchNorm differ.
template <class T>
void train(const T& model, bool is_training = true) {
  internal::for_each_part(model, [&]<class P>(const std::string&, const P& part) {
    if constexpr (std::derived_from<P, Mode>) part.set_training(is_training);
  });
}
template <class T>
void eval(const T& model) {
  train(model, false);
}

// What the model knows: handles to its parameters and buffers, with their paths.
template <class T>
std::vector<NamedTensor> state_dict(const T& model) {
  std::vector<NamedTensor> found;
  internal::for_each_part(model, [&]<class P>(const std::string& path, const P& part) {
    if constexpr (!std::derived_from<P, Mode>) found.push_back({path, part});
  });
  return found;
}

// Converts the model's parameters and buffers of floats to `dtype`, which is one of floats. To be
// done before an optimizer is made, whose state has the dtypes of then.
template <class T>
void convert(const T& model, DType dtype,
             const std::source_location& at = std::source_location::current()) {
  for (const NamedTensor& entry : state_dict(model)) {
    Tensor tensor = entry.tensor;
    if (is_float(tensor.dtype())) tensor.set_dtype(dtype, at);
  }
}

namespace internal {

void load(std::span<const NamedTensor> own, std::span<const NamedTensor> state,
          const std::source_location& at);

}  // namespace internal

// Gives the model's parameters and buffers the data of `state`, by name. Throws UsageError that
// names the missing and the extra names, ShapeError or DTypeError for a tensor of another type;
// nothing is changed then.
template <class T>
void load_state_dict(const T& model, std::span<const NamedTensor> state,
                     const std::source_location& at = std::source_location::current()) {
  internal::load(state_dict(model), state, at);
}

}  // namespace ndl::nn
