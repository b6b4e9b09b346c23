#pragma once

#include <cstdint>
#include <string>

#include "betimes/base/error.h"

namespace betimes::graph::detail {

/// An index of [-extent, extent) counted from the front; indices are data, so this is checked while
/// the model runs. Throws Error that names the operator.
inline int64_t checked_index(int64_t index, int64_t extent, const char* op) {
  if (index < -extent || index >= extent) {
    throw Error(op, "index " + std::to_string(index) + " is out of bounds",
                std::to_string(-extent) + " to " + std::to_string(extent - 1));
  }
  return index < 0 ? index + extent : index;
}

}  // namespace betimes::graph::detail
