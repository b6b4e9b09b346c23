#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "betimes/base/statistics.h"

namespace betimes::system {

enum class Direction { at_least, at_most };

/// What a paper says, and what counts as success here, before anything is measured.
struct Claim {
  std::string id;     // names it in the code and the results: "flat-in-length"
  std::string text;   // the statement, in a sentence
  std::string paper;  // the paper's own figure, as it gives it; empty: none
  std::string how;    // what is measured here
  Direction direction = Direction::at_least;
  double bound = 0;      // success: the value measured is at least, or at most, this
  std::string unit;      // "x", "points", "AUC"; empty: a plain number
  bool in_quick = true;  // whether --quick can show it, if weakly
};

/// A measured value, with its interval where there is one.
struct Estimate {
  double value = 0;
  std::optional<Interval> interval;  // 95 %
  int64_t samples = 0;               // seeds, pairs or runs behind it; 0: not sampled
  std::string note;                  // what a reader must know: "synthetic data", "2 seeds"
};

enum class Verdict {
  reproduced,        // the value and its interval are on the right side of the bound
  weakly,            // the value is, but the interval reaches across
  not_beyond_noise,  // the value isn't, but the interval reaches across
  not_reproduced,    // neither is
  not_shown,         // nothing was measured: the note says why
};
const char* name(Verdict verdict);

Verdict judge(const Claim& claim, const Estimate& found);

/// ">= 20 x", "<= 0.01".
std::string criterion(const Claim& claim);

}  // namespace betimes::system
