#pragma once

#include "systems/hardware/preroutgnn/train_predictor.h"

namespace betimes::systems::preroutgnn {

struct GcniiOptions {
  int64_t hidden = 32;
  int64_t layers = 16;
  double alpha = 0.1;   // share of the first layer that stays in each
  double lambda = 0.5;  // weights of layer l count log(lambda / l + 1)
};

/// GCNII (Chen et al., ICML 2020) on all edges in both directions: a pin's arrivals and slews from
/// the features of pins around it, without propagation.
class GcniiImpl : public torch::nn::Module {
 public:
  GcniiImpl(const GcniiOptions& options, const ModelOptions& columns, const Statistics& statistics);
  /// States: f32 [N, 2 C].
  at::Tensor forward(const GraphTensors& graph);
  at::Tensor loss(const GraphTensors& graph);
  Prediction predict(const GraphTensors& graph);

 private:
  GcniiOptions options_;
  ModelOptions columns_;
  Statistics statistics_;
  torch::nn::Linear first_{nullptr}, last_{nullptr};
  std::vector<torch::nn::Linear> layers_;
};
TORCH_MODULE(Gcnii);

/// D^-1/2 (A + I) D^-1/2 times `rows`, A of the graph's edges.
at::Tensor smooth(const at::Tensor& rows, const GraphTensors& graph);

/// As train_predictor(), without a first stage.
Gcnii train_gcnii(std::span<const Circuit> training, std::span<const Circuit> validation,
                  std::span<const Arc> library, const Statistics& statistics,
                  const ModelOptions& columns, const GcniiOptions& options, const Training& how,
                  const EpochReport& report = {});

}  // namespace betimes::systems::preroutgnn
