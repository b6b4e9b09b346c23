#pragma once

#include <torch/nn.h>

#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "systems/hardware/mlir-cost-model/scores.h"

namespace betimes::systems::mlir_cost_model {

/// What reads the tokens.
enum class Reader {
  bag,         // mean embedding: order isn't seen
  lstm,        // 128 wide, its state at the last token
  conv,        // six convolutions with growing receptive fields, global maximum
  transformer  // two encoder layers, mean
};
const char* name(Reader reader);
std::vector<Reader> all_readers();

struct ModelOptions {
  Reader reader = Reader::conv;
  int64_t vocabulary = 4;
  int64_t width = 64;      // of embeddings, channels and encoder layers
  int64_t lstm = 128;      // width of its state
  int64_t heads = 4;       // of the transformer
  int64_t longest = 1024;  // positions that the transformer knows
};

/// A sentence to the four targets, on a standardised scale: one trunk, an MLP 128-64-4 on it. How
/// many tokens there are is one more input of the MLP, since neither a maximum nor a mean tells.
///
/// Padding (token 0, behind the sentence) changes nothing, as long as lengths are multiples of 4,
/// which the two halvings of the convolutions divide.
class SentenceModelImpl : public torch::nn::Module {
 public:
  explicit SentenceModelImpl(const ModelOptions& options);

  /// i64 [B, L] -> f32 [B, 4].
  torch::Tensor forward(const torch::Tensor& ids);
  /// The same on the targets' scale (scaled()): times deviations, plus means, which set_scale()
  /// gave.
  torch::Tensor values(const torch::Tensor& ids) { return rescale(forward(ids)); }
  torch::Tensor rescale(const torch::Tensor& standard) const {
    return standard * deviations_ + means_;
  }
  void set_scale(const torch::Tensor& means, const torch::Tensor& deviations);
  const ModelOptions& options() const { return options_; }

 private:
  /// x [B, L, width], mask [B, L] of 0 and 1.
  torch::Tensor read(const torch::Tensor& x, const torch::Tensor& mask);
  torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& mask);
  torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& mask);

  struct EncoderLayer {
    torch::nn::LayerNorm first_norm{nullptr}, second_norm{nullptr};
    torch::nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr};
    torch::nn::Linear wide{nullptr}, narrow{nullptr};
  };

  ModelOptions options_;
  torch::Tensor means_, deviations_;  // [4]
  torch::nn::Embedding tokens_{nullptr}, positions_{nullptr};
  std::vector<torch::nn::Conv1d> convolutions_;
  torch::nn::LSTM lstm_{nullptr};
  std::vector<EncoderLayer> layers_;
  torch::nn::Linear first_{nullptr}, second_{nullptr}, last_{nullptr};
};
TORCH_MODULE(SentenceModel);

/// values() as a graph: input "tokens" i64 [1, L] with L open, output "values" f32 [1, 4].
graph::Graph model_graph(SentenceModel& model);

}  // namespace betimes::systems::mlir_cost_model
