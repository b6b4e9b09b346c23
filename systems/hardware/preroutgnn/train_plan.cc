#include "systems/hardware/preroutgnn/train_plan.h"

namespace betimes::systems::preroutgnn {

Training standard_code_training() {
  Training how;
  how.epochs = 20;
  how.rate = 2e-3;
  how.fall = true;
  return how;
}

Training standard_training() {
  Training how;
  how.epochs = 60;
  how.rate = 2e-3;
  how.fall = true;
  return how;
}

Predictor train_stages(const Parts& parts, std::span<const Arc> library,
                       const Statistics& statistics, const ModelOptions& model,
                       const Stages& stages, const EpochReport& report) {
  if (model.latent == 0) {
    return train_predictor(parts.training, parts.validation, library, statistics, model, nullptr,
                           stages.predictor, report);
  }
  Autoencoder first = train_autoencoder(parts.training, parts.validation, library, statistics,
                                        model, stages.code, report);
  return train_predictor(parts.training, parts.validation, library, statistics, model, &first,
                         stages.predictor, report);
}

}  // namespace betimes::systems::preroutgnn
