#include "systems/recommend/sdim/store.h"

#include <string>

#include "betimes/base/error.h"

namespace betimes::systems::sdim {

BehaviourStore::BehaviourStore(std::shared_ptr<const SignHash> hash, std::vector<float> embeddings,
                               uint64_t embedding_version, const StoreOptions& options)
    : hash_(std::move(hash)),
      embeddings_(std::move(embeddings)),
      embedding_version_(embedding_version),
      options_(options) {
  if (embeddings_.empty() || embeddings_.size() % static_cast<size_t>(hash_->width()) != 0) {
    throw Error("embeddings", "don't fit the hash", std::to_string(hash_->width()) + " a row");
  }
  if (options.length < 1 || options.publish_every < 1 || options.rebuild_every < 1) {
    throw Error("store", "needs positive lengths and periods");
  }
  worker_ = std::thread([this] { work(); });
}

BehaviourStore::~BehaviourStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  more_.notify_one();
  worker_.join();
}

std::span<const float> BehaviourStore::embedding(int32_t item) const {
  const auto width = static_cast<size_t>(hash_->width());
  return std::span(embeddings_).subspan(static_cast<size_t>(item) * width, width);
}

void BehaviourStore::append(uint64_t user, int32_t item) {
  const size_t items = embeddings_.size() / static_cast<size_t>(hash_->width());
  if (item < 0 || static_cast<size_t>(item) >= items) {
    throw Error("item", std::to_string(item) + " is unknown", "0 to " + std::to_string(items - 1));
  }
  {
    const std::lock_guard lock(mutex_);
    events_.push_back({user, item});
  }
  more_.notify_one();
}

BehaviourStore::Published BehaviourStore::find(uint64_t user) const {
  const std::lock_guard lock(mutex_);
  const auto at = users_.find(user);
  return at == users_.end() ? Published() : at->second->published;
}

void BehaviourStore::flush() {
  std::unique_lock lock(mutex_);
  publish_all_ = true;
  more_.notify_one();
  idle_.wait(lock, [&] { return events_.empty() && !working_ && !publish_all_; });
}

void BehaviourStore::encode(User& user, int32_t item) {
  user.history.push_back(item);
  user.encoder.append(embedding(item));
  if (static_cast<int64_t>(user.history.size()) > options_.length) {
    user.encoder.evict(embedding(user.history.front()));
    user.history.pop_front();
  }
  ++user.events;
  ++user.unpublished;
  if (user.encoder.drift() < options_.rebuild_every) return;
  std::vector<float> items;
  for (const int32_t each : user.history) {
    const auto values = embedding(each);
    items.insert(items.end(), values.begin(), values.end());
  }
  user.encoder.rebuild(items);
}

void BehaviourStore::publish(User& user) {
  Published made{user.encoder.publish(), user.events};
  user.unpublished = 0;
  const std::lock_guard lock(mutex_);
  user.published = std::move(made);
}

void BehaviourStore::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [&] { return !events_.empty() || stop_ || publish_all_; });
    working_ = true;
    while (!events_.empty()) {
      const Event event = events_.front();
      events_.pop_front();
      std::unique_ptr<User>& user = users_[event.user];
      if (!user) {
        user = std::make_unique<User>(
            User{BehaviourEncoder(hash_, embedding_version_, options_.precision), {}, 0, 0, {}});
      }
      lock.unlock();
      encode(*user, event.item);
      if (user->unpublished >= options_.publish_every) publish(*user);
      lock.lock();
    }
    if (publish_all_) {
      std::vector<User*> late;
      for (const auto& [id, user] : users_) {
        if (user->unpublished > 0) late.push_back(user.get());
      }
      lock.unlock();
      for (User* user : late) publish(*user);
      lock.lock();
      publish_all_ = false;
    }
    working_ = false;
    idle_.notify_all();
    if (stop_ && events_.empty()) return;
  }
}

}  // namespace betimes::systems::sdim
