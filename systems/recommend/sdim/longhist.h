#pragma once

#include <cstdint>
#include <vector>

namespace betimes::systems::sdim {

/// Synthetic click histories in which most of what tells a click lies far back: users go through
/// epochs, each with one of their topics; a candidate is clicked when its topic was one of a long
/// past epoch, or is the one of the moment.
struct LonghistOptions {
  int64_t items = 2000;
  int64_t users = 5000;
  int64_t topics = 64;
  int64_t length = 1024;  // of every history
  double noise = 0.2;     // share of history items of any topic
  double past = 3.0;      // weight of a long past topic in the logit
  double recent = 3.0;    // weight of the topic of the moment
  double bias = 2.5;
  int64_t recent_window = 50;  // items: "the moment"
  uint64_t seed = 1;
};

struct Longhist {
  std::vector<int32_t> item_topic;              // [items]
  std::vector<std::vector<int32_t>> histories;  // [users][length], oldest first
  struct Sample {
    int32_t user = 0;
    int32_t item = 0;
    float label = 0;
  };
  std::vector<Sample> samples;
};

/// `samples` clicks and non-clicks, of one user after the other, round and round; half of the
/// candidates have a topic of the user's past, a quarter the moment's, the others any. Throws Error
/// for sizes that make no sense.
Longhist make_longhist(const LonghistOptions& options, int64_t samples);

}  // namespace betimes::systems::sdim
