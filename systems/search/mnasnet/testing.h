#pragma once

#include "systems/search/mnasnet/tokens.h"

namespace betimes::systems::mnasnet {

/// Three tokens of 3, 2 and 4 alternatives; after a 2 the last token must be even.
inline TokenSpace small_space() {
  TokenSpace space{"small", {{"a", 3}, {"b", 2}, {"c", 4}}, {}};
  space.legal = [](std::span<const int> before) {
    constexpr int sizes[] = {3, 2, 4};
    std::vector<bool> found(static_cast<size_t>(sizes[before.size()]), true);
    if (before.size() == 2 && before[0] == 2) found[1] = found[3] = false;
    return found;
  };
  return space;
}

}  // namespace betimes::systems::mnasnet
