#pragma once

#include <fmt/format.h>

#include <string_view>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {

/// Throws Error unless the size is among those that a generator can make.
inline void check_size(std::string_view what, int size, int low, int high) {
  if (size >= low && size <= high) return;
  throw Error(what, fmt::format("has the size {}", size), fmt::format("{} to {}", low, high));
}

}  // namespace betimes::systems::preroutgnn
