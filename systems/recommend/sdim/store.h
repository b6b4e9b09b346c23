#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "systems/recommend/sdim/buckets.h"

namespace betimes::systems::sdim {

struct StoreOptions {
  int64_t length = 4096;         // items of a user that count; older ones are evicted
  int64_t publish_every = 1;     // events of a user until its table is published anew
  int64_t rebuild_every = 1000;  // changes of a user's sums until they are rebuilt from the history
  TablePrecision precision = TablePrecision::fp32;
};

/// Tables of many users, kept up to date by a thread of its own: a request takes the last published
/// table and never waits for an encoding.
class BehaviourStore {
 public:
  /// `embeddings` [items, width] of this version.
  BehaviourStore(std::shared_ptr<const SignHash> hash, std::vector<float> embeddings,
                 uint64_t embedding_version, const StoreOptions& options);
  ~BehaviourStore();  // waits for the events that were taken
  BehaviourStore(const BehaviourStore&) = delete;
  BehaviourStore& operator=(const BehaviourStore&) = delete;

  /// Says that the user has met the item; returns at once. Throws Error for an unknown item.
  void append(uint64_t user, int32_t item);
  /// The user's last published table, and how many of the user's events it knows; an unknown user
  /// has none. May be called from any thread.
  struct Published {
    std::shared_ptr<const BucketTable> table;
    int64_t events = 0;
  };
  Published find(uint64_t user) const;
  /// Waits until every event that was said before is encoded, and publishes all.
  void flush();

 private:
  struct User {
    BehaviourEncoder encoder;
    std::deque<int32_t> history;
    int64_t events = 0;
    int64_t unpublished = 0;
    Published published;  // guarded by mutex_; the rest is the worker's own
  };
  struct Event {
    uint64_t user = 0;
    int32_t item = 0;
  };
  void work();
  void encode(User& user, int32_t item);
  void publish(User& user);
  std::span<const float> embedding(int32_t item) const;

  std::shared_ptr<const SignHash> hash_;
  std::vector<float> embeddings_;
  uint64_t embedding_version_;
  StoreOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable more_, idle_;
  std::deque<Event> events_;
  bool working_ = false, stop_ = false, publish_all_ = false;
  std::map<uint64_t, std::unique_ptr<User>> users_;  // the map is guarded by mutex_
  std::thread worker_;                               // last: it uses all of the above
};

}  // namespace betimes::systems::sdim
