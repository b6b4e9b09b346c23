#pragma once

#include <cstddef>

#include "betimes/fit/knob_space.h"
#include "betimes/judge/task.h"

namespace betimes::fit {

enum class Part { validation, test };

/// A predictor with its task, as a search under a budget sees it: it can be set, run and scored.
/// Used by one thread at a time.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual const KnobSpace& knobs() const = 0;
  /// From now on this setting holds. Throws Error for one that knobs() doesn't allow.
  virtual void apply(const Setting& setting) = 0;
  /// One request of the task, the next one each time: what is timed.
  virtual void run() = 0;
  /// Quality of the present setting on that part of the task's data.
  virtual judge::Quality quality(Part part) = 0;
  /// Bytes that it holds while it runs, weights included; 0: not known.
  virtual size_t memory_bytes() const { return 0; }
};

}  // namespace betimes::fit
