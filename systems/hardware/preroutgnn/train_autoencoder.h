#pragma once

#include <functional>
#include <span>

#include "betimes/learn/training.h"
#include "systems/hardware/preroutgnn/train_modules.h"

namespace betimes::systems::preroutgnn {

/// What arrival errors are counted in.
enum class ArrivalUnit {
  of_step,  // cell delays where the step adds to an arrival, the deviation of all arrivals
            // elsewhere
  delay,    // cell delays everywhere: as published but for a factor
};
const char* name(ArrivalUnit unit);

/// How either stage is trained.
struct Training {
  int epochs = 100;
  double rate = 5e-4;           // Adam's
  int64_t batch = 1;            // designs, or blocks, a step; as published: all of them
  bool fall = false;            // the rate follows half a cosine to 5 % (as published it stays)
  double ema = 0.9;             // of the weights that are validated and kept
  double clip = 1000;           // of the gradients' norm
  double divergence = 0;        // lambda of the latent's divergence; the auto-encoder's only
  int64_t most_pins = 0;        // of a block; 0: whole designs
  int64_t halo = 4;             // levels around a block
  bool teacher_forcing = true;  // the predictor's: true states lead to each step
  ArrivalUnit arrival_unit = ArrivalUnit::of_step;  // the predictor's
  uint64_t seed = 1;
  std::filesystem::path checkpoint;  // empty: none
  bool resume = false;
};
/// Throws Error naming what is out of range.
void check(const Training& how);

using EpochReport = std::function<void(const learn::Epoch&)>;

/// Learns to reconstruct the features of all pins of a graph from few numbers each, without labels.
class AutoencoderImpl : public torch::nn::Module {
 public:
  explicit AutoencoderImpl(const ModelOptions& options);
  /// f32 [N, latent].
  at::Tensor encode(const GraphTensors& graph);
  /// Mean squared error of the own pins' ten features, plus lambda times the sum over latent
  /// numbers of var + mean^2 - 1 - log var, halved, with each number's mean and variance over the
  /// pins.
  at::Tensor loss(const GraphTensors& graph, double divergence);
  Coder& encoder() { return encoder_; }

 private:
  Coder encoder_{nullptr}, decoder_{nullptr};
};
TORCH_MODULE(Autoencoder);

/// Designs as they are stepped through, whole or in blocks.
std::vector<GraphTensors> make_graphs(std::span<const Circuit> circuits,
                                      std::span<const Arc> library, const Statistics& statistics,
                                      const ModelOptions& options, int64_t most_pins, int64_t halo);

/// The training both stages share: `loss` of one graph, `score` of an epoch, larger is better.
learn::Trained fit_graphs(torch::nn::Module& module, const std::vector<GraphTensors>& graphs,
                          const std::function<at::Tensor(const GraphTensors&)>& loss,
                          const std::function<double()>& score, const Training& how,
                          const EpochReport& report);

/// Trains on `training`, keeps the epoch with the least loss on `validation`. Throws Error for no
/// design in either, a latent of 0, and as learn::train() does.
Autoencoder train_autoencoder(std::span<const Circuit> training,
                              std::span<const Circuit> validation, std::span<const Arc> library,
                              const Statistics& statistics, const ModelOptions& options,
                              const Training& how, const EpochReport& report = {});

}  // namespace betimes::systems::preroutgnn
