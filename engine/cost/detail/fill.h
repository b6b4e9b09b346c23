#pragma once

#include "betimes/base/random.h"
#include "betimes/runtime/session.h"

namespace betimes::cost::detail {

/// Standard normal numbers, as `betimes measure` takes. Integers stay zero: row numbers of a table,
/// of which that is a valid one.
inline void fill(const runtime::Session& session, uint64_t seed) {
  Random random(seed);
  for (const TensorView& input : session.inputs()) {
    if (input.type.dtype != DType::f32) continue;
    float* const values = input.as<float>();
    for (int64_t i = 0; i < input.size(); ++i) values[i] = static_cast<float>(random.normal());
  }
}

}  // namespace betimes::cost::detail
