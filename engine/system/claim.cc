#include "betimes/system/claim.h"

#include <fmt/format.h>

namespace betimes::system {

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::reproduced:
      return "reproduced";
    case Verdict::weakly:
      return "reproduced, not beyond noise";
    case Verdict::not_beyond_noise:
      return "not reproduced, within noise";
    case Verdict::not_reproduced:
      return "not reproduced";
    case Verdict::not_shown:
      return "can't be shown here";
  }
  return "";
}

Verdict judge(const Claim& claim, const Estimate& found) {
  const auto holds = [&](double value) {
    return claim.direction == Direction::at_least ? value >= claim.bound : value <= claim.bound;
  };
  const Interval interval = found.interval.value_or(Interval{found.value, found.value});
  const bool all = holds(interval.low) && holds(interval.high);
  const bool some = holds(interval.low) || holds(interval.high);
  if (holds(found.value)) return all ? Verdict::reproduced : Verdict::weakly;
  return some ? Verdict::not_beyond_noise : Verdict::not_reproduced;
}

std::string criterion(const Claim& claim) {
  const char* sign = claim.direction == Direction::at_least ? ">=" : "<=";
  return claim.unit.empty() ? fmt::format("{} {:g}", sign, claim.bound)
                            : fmt::format("{} {:g} {}", sign, claim.bound, claim.unit);
}

}  // namespace betimes::system
