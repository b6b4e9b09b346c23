#pragma once

#include <torch/nn.h>

#include <memory>
#include <string>
#include <vector>

#include "systems/hardware/common/train_graph_layers.h"
#include "systems/hardware/wa-hls4ml/features.h"

// The surrogates: networks' layers in, six standardised logarithms of costs out.

namespace betimes::systems::wa_hls4ml {

enum class ModelKind { mlp, sage, gatv2, transformer };
const char* name(ModelKind kind);

struct ModelOptions {
  ModelKind kind = ModelKind::gatv2;
  int64_t hidden = 64;  // of a head; the paper's large graph network has 512
  int64_t layers = 3;
  int64_t heads = 3;
  double dropout = 0;
  bool context = true;  // the transformer reads strategy and io type, which the paper's doesn't

  /// The reduced sizes of each kind.
  static ModelOptions of(ModelKind kind);
};

/// A batch of networks.
struct Networks {
  at::Tensor rows;      // f32 [B, T, 33]; zeros after a network's last layer
  at::Tensor lengths;   // i64 [B], 1 to T
  at::Tensor context;   // f32 [B, 4]
  at::Tensor averages;  // f32 [B, average_width]
};

class Model : public torch::nn::Module {
 public:
  /// [B, outputs]
  virtual at::Tensor forward(const Networks& networks) = 0;
};

/// `outputs` numbers a network. Throws Error for sizes below 1.
std::shared_ptr<Model> make_model(const ModelOptions& options, int64_t outputs = targets);

/// The transformer as a function of dense tensors, which can be traced: rows f32 [B, T, 33], valid
/// f32 [B, T] (1 for a layer, 0 for padding) and context f32 [B, 4] to [B, outputs].
class TransformerModel : public Model {
 public:
  TransformerModel(const ModelOptions& options, int64_t outputs);
  at::Tensor forward(const Networks& networks) override;
  at::Tensor forward_rows(const at::Tensor& rows, const at::Tensor& valid,
                          const at::Tensor& context);

 private:
  at::Tensor encode(const at::Tensor& x, const at::Tensor& hidden, size_t layer);

  struct Layer {
    torch::nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr}, up{nullptr},
        down{nullptr};
    torch::nn::LayerNorm attended{nullptr}, transformed{nullptr};
  };
  ModelOptions options_;
  torch::nn::Linear input_{nullptr}, output_{nullptr};
  torch::nn::Dropout dropout_{nullptr};
  at::Tensor positions_;    // [most_layers, hidden]
  at::Tensor class_token_;  // [hidden]
  std::vector<Layer> layers_;
};

}  // namespace betimes::systems::wa_hls4ml
