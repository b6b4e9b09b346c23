#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "systems/recommend/sdim/train_longhist.h"

namespace betimes::systems::sdim {

/// What users met, in time order. Items are 1 to `items`; 0 is nobody's and pads.
struct Sequences {
  std::vector<std::vector<int32_t>> users;
  int64_t items = 0;
};

/// Reads lines "user item" (gzip or plain), time order per user. Throws Error naming the line for
/// anything else, and for more than ten million lines.
Sequences read_sequences(const std::string& path);

struct NextItems {
  HistoryDataset training, validation, test;
};

/// For users with 20 items at least: each item after the tenth is a click, with a random other item
/// as the non-click; what came before is the history, of 64 items, padded in front. The last tenth
/// of each user's items is for testing, the tenth before for validation.
NextItems next_items(const Sequences& sequences, uint64_t seed);

}  // namespace betimes::systems::sdim
