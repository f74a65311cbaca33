#include "base/lru_cache.h"

#include <gtest/gtest.h>

namespace ndl {
namespace {

TEST(LruCache, ForgetsWhatWasUsedLongestAgo) {
  LruCache<int> cache(2);
  cache.insert("a", 1);
  cache.insert("b", 2);
  EXPECT_EQ(*cache.find("a"), 1);
  cache.insert("c", 3);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(*cache.find("a"), 1);
  EXPECT_EQ(*cache.find("c"), 3);
}

TEST(LruCache, ReplacesValues) {
  LruCache<int> cache(2);
  cache.insert("a", 1);
  cache.insert("b", 2);
  cache.insert("a", 3);
  cache.insert("c", 4);
  EXPECT_EQ(*cache.find("a"), 3);
  EXPECT_EQ(cache.find("b"), nullptr);
  cache.clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(LruCache, CountsWeights) {
  LruCache<int> cache(10);
  cache.insert("a", 1, 4);
  cache.insert("b", 2, 4);
  cache.insert("c", 3, 2);
  EXPECT_EQ(cache.size(), 3u);
  cache.insert("d", 4, 5);
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(cache.size(), 2u);
  // One that is too heavy is kept alone.
  cache.insert("e", 5, 100);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(*cache.find("e"), 5);
  cache.insert("e", 6, 1);
  cache.insert("f", 7, 9);
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace ndl
