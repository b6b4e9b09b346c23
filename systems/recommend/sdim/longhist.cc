#include "systems/recommend/sdim/longhist.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::sdim {
namespace {

int32_t number(Random& random, int64_t below) {
  return static_cast<int32_t>(random.below(static_cast<uint64_t>(below)));
}

/// One user's topics: those of the epochs that are over, and the one of the moment.
struct User {
  std::vector<int32_t> past;
  int32_t now = 0;
};

User make_user(const LonghistOptions& o, Random& random) {
  User user;
  const int64_t count = 3 + number(random, 4);
  while (static_cast<int64_t>(user.past.size()) < count) {
    const int32_t topic = number(random, o.topics);
    if (std::find(user.past.begin(), user.past.end(), topic) == user.past.end()) {
      user.past.push_back(topic);
    }
  }
  user.now = number(random, o.topics);
  return user;
}

void check(const LonghistOptions& o) {
  if (o.items < o.topics || o.topics < 8 || o.users < 1 || o.length < 2 * o.recent_window) {
    throw Error("longhist", "can't be made in these sizes",
                "8 topics, an item for each, and histories of at least twice the recent window");
  }
}

}  // namespace

Longhist make_longhist(const LonghistOptions& o, int64_t samples) {
  check(o);
  Random random(o.seed);
  Longhist made;
  std::vector<std::vector<int32_t>> of_topic(static_cast<size_t>(o.topics));
  for (int64_t item = 0; item < o.items; ++item) {
    const auto topic = static_cast<int32_t>(item % o.topics);
    made.item_topic.push_back(topic);
    of_topic[static_cast<size_t>(topic)].push_back(static_cast<int32_t>(item));
  }
  const auto item_of = [&](int32_t topic) {
    const auto& items = of_topic[static_cast<size_t>(topic)];
    return items[random.below(items.size())];
  };
  std::vector<User> users;
  for (int64_t u = 0; u < o.users; ++u) {
    const User& user = users.emplace_back(make_user(o, random));
    auto& history = made.histories.emplace_back();
    const int64_t old = o.length - o.recent_window;
    const auto epochs = static_cast<int64_t>(user.past.size());
    for (int64_t t = 0; t < o.length; ++t) {
      const int32_t topic = t >= old ? user.now : user.past[static_cast<size_t>(t * epochs / old)];
      history.push_back(random.uniform() < o.noise ? number(random, o.items) : item_of(topic));
    }
  }
  for (int64_t s = 0; s < samples; ++s) {
    Longhist::Sample sample;
    sample.user = static_cast<int32_t>(s % o.users);
    const User& user = users[static_cast<size_t>(sample.user)];
    const double kind = random.uniform();
    const int32_t topic = kind < 0.5    ? user.past[random.below(user.past.size())]
                          : kind < 0.75 ? user.now
                                        : number(random, o.topics);
    sample.item = item_of(topic);
    const bool past = std::find(user.past.begin(), user.past.end(), topic) != user.past.end();
    const double logit = o.past * (past ? 1 : 0) + o.recent * (topic == user.now ? 1 : 0) - o.bias;
    sample.label = random.uniform() < 1 / (1 + std::exp(-logit)) ? 1.0f : 0.0f;
    made.samples.push_back(sample);
  }
  return made;
}

}  // namespace betimes::systems::sdim
