#include <torch/nn.h>

#include <string>

#include "betimes/system/system.h"

namespace betimes::system {

void sample_echo_train(const TrainOptions& options) {
  torch::manual_seed(options.seed);
  torch::nn::Linear layer(1, 1);
  options.line("epoch 1, seed " + std::to_string(options.seed) + ", " +
               std::to_string(layer->parameters().size()) + " parameters");
}

}  // namespace betimes::system
