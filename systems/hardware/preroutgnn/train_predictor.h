#pragma once

#include <map>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/measures.h"
#include "systems/hardware/preroutgnn/train_autoencoder.h"

namespace betimes::systems::preroutgnn {

/// The second stage. States are f32 [., 2 C]: arrivals in Statistics::delay, then log slews.
class PredictorImpl : public torch::nn::Module {
 public:
  PredictorImpl(const ModelOptions& options, std::span<const Arc> library,
                const Statistics& statistics);
  /// Takes over the first stage's encoder. Throws Error for one of another shape.
  void start_from(Autoencoder& autoencoder);

  /// What is known of pins before anything is propagated: f32 [N, 27 or so + width].
  at::Tensor features(const GraphTensors& graph);
  /// Log net delays of all nets: f32 [nets, C].
  at::Tensor net_delays(const GraphTensors& graph, const at::Tensor& features);
  /// States of the sinks of `edges` (i64) from `state` [N, 2 C] of their drivers: f32 [E, 2 C].
  at::Tensor net_step(const GraphTensors& graph, const at::Tensor& features,
                      const at::Tensor& state, const at::Tensor& edges);
  struct CellStep {
    at::Tensor pins;    // i64 [P]: outputs of the cells, ascending
    at::Tensor states;  // f32 [P, 2 C]
    at::Tensor delays;  // f32 [E, C]
  };
  /// All arcs of an output pin must be among `edges`.
  CellStep cell_step(const GraphTensors& graph, const at::Tensor& features, const at::Tensor& state,
                     const at::Tensor& edges);

  /// Every state level by level from predicted ones, starting from the given ones of level 0.
  struct Propagated {
    at::Tensor state;                  // f32 [N, 2 C]
    at::Tensor net_delay, cell_delay;  // f32 [nets, C], [arcs, C]
  };
  Propagated propagate(const GraphTensors& graph);

  /// Sum of the mean squared errors of arrivals, log slews, log net delays and cell delays of the
  /// graph's own pins and edges. With teacher forcing all levels at once, from true states.
  at::Tensor loss(const GraphTensors& graph, bool teacher_forcing,
                  ArrivalUnit unit = ArrivalUnit::of_step);

  Prediction predict(const GraphTensors& graph);
  const ModelOptions& options() const { return options_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  at::Tensor step_inputs(const at::Tensor& state) const;
  at::Tensor arrival_error(const at::Tensor& predicted, const at::Tensor& truth,
                           bool in_delays) const;

  ModelOptions options_;
  Statistics statistics_;
  int64_t columns_;
  torch::nn::Linear stem_{nullptr};
  Coder encoder_{nullptr};
  std::vector<NetConv> convolutions_;
  Mlp net_delay_{nullptr}, net_step_{nullptr}, message_{nullptr}, update_{nullptr};
  TableReader reader_{nullptr};
};
TORCH_MODULE(Predictor);

/// Trains on `training` and keeps the epoch whose arrivals, predicted level by level, agree best
/// (R2) with those of `validation`. With `first` null and a latent of some width, the encoder is
/// trained from scratch. Throws Error for no design in either, and as learn::train() does.
Predictor train_predictor(std::span<const Circuit> training, std::span<const Circuit> validation,
                          std::span<const Arc> library, const Statistics& statistics,
                          const ModelOptions& options, Autoencoder* first, const Training& how,
                          const EpochReport& report = {});

std::vector<Prediction> predict_all(Predictor& model, std::span<const Circuit> circuits,
                                    std::span<const Arc> library);

}  // namespace betimes::systems::preroutgnn
