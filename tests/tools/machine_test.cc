#include "tools/machine.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/memory.h"

namespace ndl::tools {
namespace {

TEST(Memory, SomeIsAvailableOfWhatIsThere) {
  EXPECT_GT(available_memory(), 0);
  EXPECT_LE(available_memory(), physical_memory());
  EXPECT_LT(physical_memory(), std::numeric_limits<std::int64_t>::max());
}

TEST(Memory, MoreThanIsAvailableIsRefused) {
  EXPECT_NO_THROW(require_memory(1 << 20, "x"));
  EXPECT_THROW(require_memory(std::numeric_limits<std::int64_t>::max(), "x"), ResourceError);
}

}  // namespace
}  // namespace ndl::tools
