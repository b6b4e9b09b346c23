#include "systems/recommend/sdim/store.h"

#include <gtest/gtest.h>

#include <atomic>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::sdim {
namespace {

constexpr int width = 8;
constexpr int items = 40;

std::vector<float> embeddings() {
  Random random(1);
  std::vector<float> values(width * items);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

const std::shared_ptr<const SignHash>& hash() {
  static const auto made = std::make_shared<const SignHash>(width, HashOptions{12, 3, 1});
  return made;
}

/// Interests of all items, by a table made from nothing.
std::vector<float> expected(const std::vector<int32_t>& history) {
  const std::vector<float> all = embeddings();
  std::vector<float> rows;
  for (const int32_t item : history) {
    rows.insert(rows.end(), all.begin() + item * width, all.begin() + (item + 1) * width);
  }
  BehaviourEncoder encoder(hash(), 5);
  encoder.rebuild(rows);
  std::vector<float> found(width * items);
  encoder.publish()->interests(hash()->signatures(all), found);
  return found;
}

void expect_history(const BehaviourStore::Published& published,
                    const std::vector<int32_t>& history) {
  ASSERT_TRUE(published.table);
  std::vector<float> found(width * items);
  published.table->interests(hash()->signatures(embeddings()), found);
  const std::vector<float> wanted = expected(history);
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-4);
}

TEST(Store, PublishesWhatUsersDid) {
  StoreOptions options;
  options.length = 10;
  options.publish_every = 3;
  options.rebuild_every = 7;
  BehaviourStore store(hash(), embeddings(), 5, options);
  EXPECT_FALSE(store.find(1).table);
  std::vector<int32_t> one, two;
  for (int32_t i = 0; i < 25; ++i) {
    store.append(1, i);
    one.push_back(i);
    if (i % 2 == 0) continue;
    store.append(2, 39 - i);
    two.push_back(39 - i);
  }
  store.flush();
  EXPECT_EQ(store.find(1).events, 25);
  EXPECT_EQ(store.find(2).events, 12);
  expect_history(store.find(1), {one.end() - 10, one.end()});
  expect_history(store.find(2), {two.end() - 10, two.end()});
  EXPECT_EQ(store.find(1).table->embedding_version(), 5u);
}

TEST(Store, IsReadWhileItIsWritten) {
  BehaviourStore store(hash(), embeddings(), 1, {});
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      std::vector<float> found(width * items);
      const auto signatures = hash()->signatures(embeddings());
      int64_t last = 0;
      while (!done) {
        const auto published = store.find(7);
        if (!published.table) continue;
        EXPECT_GE(published.events, last);
        last = published.events;
        published.table->interests(signatures, found);
      }
    });
  }
  std::vector<int32_t> history;
  for (int32_t i = 0; i < 300; ++i) {
    store.append(7, i % items);
    history.push_back(i % items);
  }
  store.flush();
  done = true;
  for (std::thread& reader : readers) reader.join();
  expect_history(store.find(7), history);
}

TEST(Store, RefusesUnknownItemsAndOptions) {
  BehaviourStore store(hash(), embeddings(), 1, {});
  EXPECT_THROW(store.append(1, items), Error);
  EXPECT_THROW(store.append(1, -1), Error);
  EXPECT_THROW(BehaviourStore(hash(), {1, 2, 3}, 1, {}), Error);
  StoreOptions none;
  none.length = 0;
  EXPECT_THROW(BehaviourStore(hash(), embeddings(), 1, none), Error);
}

}  // namespace
}  // namespace betimes::systems::sdim
