#include "systems/hardware/preroutgnn/train_plan.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr int64_t pins_a_block = 1500;

}  // namespace

Training standard_code_training() {
  Training how;
  how.epochs = 20;
  how.rate = 2e-3;
  how.fall = true;
  how.most_pins = pins_a_block;
  return how;
}

Training standard_training() {
  Training how;
  how.epochs = 60;
  how.rate = 2e-3;
  how.fall = true;
  how.most_pins = pins_a_block;
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
