#include "systems/search/mnasnet/reward.h"

#include <fmt/format.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::mnasnet {

double Reward::operator()(double accuracy, double cost) const {
  if (!(accuracy > 0) || !(accuracy <= 1)) {
    throw Error("accuracy", fmt::format("is {}", accuracy), "more than 0, at most 1");
  }
  if (!(cost > 0) || !std::isfinite(cost)) {
    throw Error("latency", fmt::format("is {}", cost), "a positive number");
  }
  if (!(target > 0) || !std::isfinite(target)) {
    throw Error("target", fmt::format("is {}", target), "a positive number");
  }
  return accuracy * std::pow(cost / target, cost <= target ? within : beyond);
}

}  // namespace betimes::systems::mnasnet
