#include "betimes/fit/sensitivity.h"

namespace betimes::fit {

Losses IndependentSensitivity::losses(LossOracle& oracle,
                                      const std::function<void(double)>& progress) const {
  Losses found;
  const auto all = static_cast<double>(oracle.nodes().size() * oracle.precisions().size());
  for (const std::string& node : oracle.nodes()) {
    for (const Precision precision : oracle.precisions()) {
      if (progress) progress(static_cast<double>(found.size()) / all);
      found[{node, precision}] = oracle.loss({{node, precision}});
    }
  }
  return found;
}

}  // namespace betimes::fit
