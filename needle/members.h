// The members of an aggregate, by count, reference and name, from the language alone.
//
// For aggregates whose only base, nn::Module, is empty, with up to kMostMembers members, none of
// them a C array or a reference.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ndl::internal {

inline constexpr std::size_t kMostMembers = 16;

// Initializes any member of T; T itself is left out so that it is not taken for a copy.
template <class T>
struct AnyMember {
  template <class U>
    requires(!std::is_same_v<U, T>)
  constexpr operator U&() const& noexcept;
  template <class U>
    requires(!std::is_same_v<U, T>)
  constexpr operator U&&() const&& noexcept;
};

template <class T, std::size_t... i>
constexpr bool takes(std::index_sequence<i...>) {
  return requires { T{(static_cast<void>(i), AnyMember<T>{})...}; };
}

// The most initializers that T takes, which are its base and its members; one more than
// kMostMembers + 1 if there are too many.
template <class T, std::size_t n = kMostMembers + 2>
constexpr std::size_t initializer_count() {
  if constexpr (n == 0 || takes<T>(std::make_index_sequence<n>())) {
    return n;
  } else {
    return initializer_count<T, n - 1>();
  }
}

// Without the base.
template <class T>
inline constexpr std::size_t kMemberCount = initializer_count<T>() - 1;

#define NDL_NAMES_1 m0
#define NDL_NAMES_2 NDL_NAMES_1, m1
#define NDL_NAMES_3 NDL_NAMES_2, m2
#define NDL_NAMES_4 NDL_NAMES_3, m3
#define NDL_NAMES_5 NDL_NAMES_4, m4
#define NDL_NAMES_6 NDL_NAMES_5, m5
#define NDL_NAMES_7 NDL_NAMES_6, m6
#define NDL_NAMES_8 NDL_NAMES_7, m7
#define NDL_NAMES_9 NDL_NAMES_8, m8
#define NDL_NAMES_10 NDL_NAMES_9, m9
#define NDL_NAMES_11 NDL_NAMES_10, m10
#define NDL_NAMES_12 NDL_NAMES_11, m11
#define NDL_NAMES_13 NDL_NAMES_12, m12
#define NDL_NAMES_14 NDL_NAMES_13, m13
#define NDL_NAMES_15 NDL_NAMES_14, m14
#define NDL_NAMES_16 NDL_NAMES_15, m15
#define NDL_UNPACK(n)                     \
  if constexpr (kMemberCount<T> == n) {   \
    const auto& [NDL_NAMES_##n] = object; \
    return f(NDL_NAMES_##n);              \
  }

// f(member...)
template <class T, class F>
constexpr auto apply_to_members(const T& object, F&& f) {
  if constexpr (kMemberCount<T> == 0) return f();
  // clang-format off
  NDL_UNPACK(1) NDL_UNPACK(2) NDL_UNPACK(3) NDL_UNPACK(4)
  NDL_UNPACK(5) NDL_UNPACK(6) NDL_UNPACK(7) NDL_UNPACK(8)
  NDL_UNPACK(9) NDL_UNPACK(10) NDL_UNPACK(11) NDL_UNPACK(12)
  NDL_UNPACK(13) NDL_UNPACK(14) NDL_UNPACK(15) NDL_UNPACK(16)
  // clang-format on
}

#undef NDL_UNPACK
#undef NDL_NAMES_1
#undef NDL_NAMES_2
#undef NDL_NAMES_3
#undef NDL_NAMES_4
#undef NDL_NAMES_5
#undef NDL_NAMES_6
#undef NDL_NAMES_7
#undef NDL_NAMES_8
#undef NDL_NAMES_9
#undef NDL_NAMES_10
#undef NDL_NAMES_11
#undef NDL_NAMES_12
#undef NDL_NAMES_13
#undef NDL_NAMES_14
#undef NDL_NAMES_15
#undef NDL_NAMES_16

// An object that is nowhere: only the addresses of its members are spoken of, at compile time.
template <class T>
struct Nowhere {
  T object;
};
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
template <class T>
extern const Nowhere<T> kNowhere;

template <class M>
struct MemberAddress {
  const M* address;
};

template <class T>
consteval auto member_addresses() {
  return apply_to_members(kNowhere<T>.object, [](const auto&... members) {
    return std::make_tuple(MemberAddress<std::remove_cvref_t<decltype(members)>>{&members}...);
  });
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

// Compilers spell `address` as "...kNowhere<T>.object.name}" or "...::name)}".
template <auto address>
consteval std::string_view spelled_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(0, text.rfind('}'));
  while (text.ends_with(')')) text.remove_suffix(1);
  const std::size_t end = text.find_last_of(".:>&( ");
  return text.substr(end + 1);
}

// The name of member i.
template <class T, std::size_t i>
inline constexpr std::string_view kMemberName = spelled_name<std::get<i>(member_addresses<T>())>();

}  // namespace ndl::internal
