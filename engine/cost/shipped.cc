#include <algorithm>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/cost/device_model.h"
#include "embedded/learned_calibration.h"
#include "embedded/learned_kernels.h"

namespace betimes::cost {

std::shared_ptr<const CostModel> shipped_kernels() {
  static const std::shared_ptr<const CostModel> model = learned_kernels(
      BoostedTrees::parse(std::string(embedded::learned_kernels()), "the learned kernels"));
  return model;
}

const std::map<std::string, Calibration>& shipped_calibrations() {
  static const std::map<std::string, Calibration> all = [] {
    const auto json = nlohmann::json::parse(embedded::learned_calibration());
    std::map<std::string, Calibration> found;
    for (const auto& [model, errors] : json.at("log_errors").items()) {
      Calibration& calibration = found[model];
      json.at("groups").get_to(calibration.groups);
      errors.get_to(calibration.log_errors);
      std::sort(calibration.log_errors.begin(), calibration.log_errors.end());
    }
    return found;
  }();
  return all;
}

}  // namespace betimes::cost
