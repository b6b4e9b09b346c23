#pragma once

#include "systems/hardware/preroutgnn/split.h"
#include "systems/hardware/preroutgnn/train_predictor.h"

namespace betimes::systems::preroutgnn {

/// What fits here: a block of a design a step instead of all designs, more steps for fewer epochs,
/// a falling rate. The published ones are 10,000 epochs at 5e-4 each, all designs a step.
Training standard_code_training();
Training standard_training();

struct Stages {
  Training code = standard_code_training(), predictor = standard_training();
};

/// The auto-encoder where the model has a latent, then the predictor.
Predictor train_stages(const Parts& parts, std::span<const Arc> library,
                       const Statistics& statistics, const ModelOptions& model,
                       const Stages& stages, const EpochReport& report = {});

}  // namespace betimes::systems::preroutgnn
