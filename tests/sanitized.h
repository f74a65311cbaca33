// Whether this build looks for bugs while it runs, and so takes several times as long.
#pragma once

namespace ndl::test {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NDL_IS_SANITIZED
#endif
#endif

#ifdef NDL_IS_SANITIZED
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

}  // namespace ndl::test
