#pragma once

#include <torch/nn.h>

#include <functional>
#include <vector>

#include "systems/search/mnasnet/tokens.h"

namespace betimes::systems::mnasnet {

/// Writes token sequences: an LSTM that reads the token before (embedded) and has one softmax for
/// each position over that position's alternatives. Illegal alternatives have probability 0.
class ControllerImpl : public torch::nn::Module {
 public:
  explicit ControllerImpl(const TokenSpace& space, int64_t hidden = 64, int64_t embedding = 32);

  struct Sample {
    torch::Tensor tokens;   // i64 [B, T]
    torch::Tensor illegal;  // bool [B, T, A]
  };
  /// Draws `count` sequences with torch's generator.
  Sample sample(int64_t count);
  /// Logarithms of all alternatives' probabilities given the tokens before: f32 [B, T, A]; about
  /// -1e30 for illegal ones.
  torch::Tensor log_probabilities(const Sample& sample);
  /// Of the tokens that were drawn: [B, T].
  torch::Tensor log_probability(const Sample& sample);

 private:
  torch::Tensor logits(const torch::Tensor& states, int64_t first);
  torch::Tensor embedded(const torch::Tensor& tokens);
  void forbid(const torch::Tensor& tokens, int64_t position, torch::Tensor& illegal) const;

  TokenSpace space_;
  torch::nn::Embedding embedding_{nullptr};
  torch::nn::LSTM lstm_{nullptr};
  torch::Tensor weight_, bias_;  // [T, A, hidden], [T, A]
  torch::Tensor offsets_;        // i64 [T]: where a position's embeddings begin; 0 is the start
  torch::Tensor missing_;        // bool [T, A]: alternatives that a position doesn't have
};
TORCH_MODULE(Controller);

struct ControllerOptions {
  int samples = 8000;
  int batch = 32;
  int epochs = 4;     // updates on each batch
  double clip = 0.2;  // of PPO's probability ratio
  /// Of advantages, whose deviation is 1: 1e-3 of rewards that differ by a two-hundredth. Much less
  /// of it and a search of thousands is over after a thousand.
  double entropy = 0.2;
  double rate = 2e-3;    // Adam's
  double memory = 0.95;  // of the moving average that rewards are compared with
  uint64_t seed = 1;
};

/// One PPO loss (Schulman et al. 2017, equation 7, with an entropy bonus) over a batch: the ratio
/// is a token's, the advantage [B] its sequence's.
torch::Tensor ppo_loss(const torch::Tensor& log_probabilities, const torch::Tensor& chosen_now,
                       const torch::Tensor& chosen_before, const torch::Tensor& advantage,
                       double clip, double entropy);

/// Searches by REINFORCE with a baseline, as PPO: samples, evaluates, learns, again. Advantages are
/// rewards less their moving average, over the batch's standard deviation. Repeated samples count;
/// `judge` may remember. `batch_done` (may be empty) sees all trials so far after each batch.
std::vector<Trial> controller_search(
    const TokenSpace& space, const Judge& judge, const Reward& reward, Cost cost,
    const ControllerOptions& options,
    const std::function<void(const std::vector<Trial>&)>& batch_done = {});

}  // namespace betimes::systems::mnasnet
