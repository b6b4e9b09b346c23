#pragma once

#include "betimes/fit/sensitivity.h"

namespace betimes::systems::interlayer_ptq {

/// Sensitivities of layers in company: what a layer loses alone, plus what it adds to the losses of
/// others (variant B: pairs are measured, forward only, so that any graph can be had). The losses
/// are on the scale of the single ones.
class InterlayerSensitivity : public fit::SensitivityMethod {
 public:
  explicit InterlayerSensitivity(double lambda = 1) : lambda_(lambda) {}
  std::string name() const override { return "interlayer"; }
  std::string summary() const override {
    return "each layer alone and in pairs with its neighbours";
  }
  int64_t evaluations(size_t nodes, size_t precisions) const override;
  fit::Losses losses(fit::LossOracle& oracle,
                     const std::function<void(double)>& progress) const override;

 private:
  double lambda_;
};

}  // namespace betimes::systems::interlayer_ptq
