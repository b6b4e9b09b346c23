#include "systems/hardware/wa-hls4ml/train_model.h"

#include <fmt/format.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::wa_hls4ml {
namespace {

using hardware::Aggregate;
using hardware::GraphBatch;
using torch::nn::BatchNorm1d;
using torch::nn::Dropout;
using torch::nn::LayerNorm;
using torch::nn::Linear;

constexpr double padded = -1e9;  // added to the score of what isn't there

LayerNorm layer_norm(int64_t width) { return LayerNorm(torch::nn::LayerNormOptions({width})); }

/// Layers of all networks below each other: [nodes, 33].
at::Tensor flat_rows(const Networks& networks) {
  const at::Tensor place = at::arange(networks.rows.size(1), at::kLong).unsqueeze(0);
  const at::Tensor there = (place < networks.lengths.unsqueeze(1)).flatten().nonzero().squeeze(1);
  return networks.rows.flatten(0, 1).index_select(0, there);
}

/// What reads the pooled graph and the context: two layers and the answer.
class Head : public torch::nn::Module {
 public:
  Head(int64_t in, int64_t hidden, int64_t outputs, double dropout) {
    for (const int64_t width : {in, hidden}) {
      layers_->push_back(Linear(width, hidden));
      layers_->push_back(layer_norm(hidden));
      layers_->push_back(torch::nn::ReLU());
      layers_->push_back(Dropout(dropout));
    }
    layers_->push_back(Linear(hidden, outputs));
    register_module("layers", layers_);
  }
  at::Tensor forward(const at::Tensor& x) { return layers_->forward(x); }

 private:
  torch::nn::Sequential layers_;
};

class Gatv2Model : public Model {
 public:
  Gatv2Model(const ModelOptions& options, int64_t outputs) {
    const int64_t wide = options.hidden * options.heads;
    for (int64_t i = 0; i < options.layers; ++i) {
      const int64_t in = i == 0 ? static_cast<int64_t>(row_width) : wide;
      attention_.push_back(register_module(
          fmt::format("attention{}", i), hardware::Gatv2Layer(in, options.hidden, options.heads)));
      norms_.push_back(register_module(fmt::format("norm{}", i), layer_norm(wide)));
    }
    residual_ = register_module("residual", Linear(static_cast<int64_t>(row_width), wide));
    project_ = register_module("project", Linear(wide, options.hidden));
    pooling_ = register_module("pooling", hardware::BlendedPooling());
    dropout_ = register_module("dropout", Dropout(options.dropout));
    head_ = register_module(
        "head", std::make_shared<Head>(options.hidden + static_cast<int64_t>(context_width),
                                       options.hidden, outputs, options.dropout));
  }

  at::Tensor forward(const Networks& networks) override {
    const GraphBatch batch = with_self_loops(hardware::chains(networks.lengths));
    at::Tensor x = flat_rows(networks);
    for (size_t i = 0; i < attention_.size(); ++i) {
      const at::Tensor changed = dropout_(at::elu(norms_[i](attention_[i](x, batch))));
      x = changed + (i == 0 ? residual_(x) : x);
    }
    return head_->forward(at::cat({pooling_(project_(x), batch), networks.context}, 1));
  }

 private:
  std::vector<hardware::Gatv2Layer> attention_;
  std::vector<LayerNorm> norms_;
  Linear residual_{nullptr}, project_{nullptr};
  hardware::BlendedPooling pooling_{nullptr};
  Dropout dropout_{nullptr};
  std::shared_ptr<Head> head_;
};

class SageModel : public Model {
 public:
  SageModel(const ModelOptions& options, int64_t outputs) {
    for (int64_t i = 0; i < options.layers; ++i) {
      const int64_t in = i == 0 ? static_cast<int64_t>(row_width) : options.hidden;
      layers_.push_back(register_module(fmt::format("sage{}", i),
                                        hardware::SageLayer(in, options.hidden, Aggregate::sum)));
      norms_.push_back(register_module(fmt::format("norm{}", i), BatchNorm1d(options.hidden)));
    }
    head_ = register_module(
        "head", std::make_shared<Head>(options.hidden + static_cast<int64_t>(context_width),
                                       options.hidden, outputs, options.dropout));
  }

  at::Tensor forward(const Networks& networks) override {
    const GraphBatch batch = hardware::chains(networks.lengths);
    at::Tensor x = flat_rows(networks);
    for (size_t i = 0; i < layers_.size(); ++i) x = norms_[i](layers_[i](x, batch)).relu();
    return head_->forward(at::cat({hardware::pool(x, batch, Aggregate::sum), networks.context}, 1));
  }

 private:
  std::vector<hardware::SageLayer> layers_;
  std::vector<BatchNorm1d> norms_;
  std::shared_ptr<Head> head_;
};

/// As rule4ml's: narrow, wide, wide, wide, narrow on averages over the whole network.
class MlpModel : public Model {
 public:
  MlpModel(const ModelOptions& options, int64_t outputs) {
    const int64_t wide = options.hidden, narrow = std::max<int64_t>(wide / 2, 1);
    const auto elu = [] { return torch::nn::ELU(); };
    const auto leaky = [] { return torch::nn::LeakyReLU(); };
    layers_->push_back(Linear(static_cast<int64_t>(average_width), narrow));
    layers_->push_back(elu());
    layers_->push_back(Linear(narrow, wide));
    layers_->push_back(leaky());
    for (int i = 0; i < 2; ++i) {
      layers_->push_back(Dropout(options.dropout));
      layers_->push_back(Linear(wide, wide));
      layers_->push_back(leaky());
    }
    layers_->push_back(Dropout(options.dropout));
    layers_->push_back(Linear(wide, narrow));
    layers_->push_back(elu());
    layers_->push_back(Linear(narrow, outputs));
    register_module("layers", layers_);
  }
  at::Tensor forward(const Networks& networks) override {
    return layers_->forward(networks.averages);
  }

 private:
  torch::nn::Sequential layers_;
};

}  // namespace

const char* name(ModelKind kind) {
  switch (kind) {
    case ModelKind::mlp:
      return "mlp";
    case ModelKind::sage:
      return "sage";
    case ModelKind::gatv2:
      return "gatv2";
    case ModelKind::transformer:
      break;
  }
  return "transformer";
}

ModelOptions ModelOptions::of(ModelKind kind) {
  ModelOptions options;
  options.kind = kind;
  if (kind == ModelKind::mlp) options.hidden = 256;
  if (kind == ModelKind::transformer) {
    options.layers = 2;
    options.heads = 4;
  }
  return options;
}

std::shared_ptr<Model> make_model(const ModelOptions& options, int64_t outputs) {
  if (options.hidden < 1 || options.layers < 1 || options.heads < 1 || outputs < 1) {
    throw Error(name(options.kind), "has a size below 1");
  }
  switch (options.kind) {
    case ModelKind::mlp:
      return std::make_shared<MlpModel>(options, outputs);
    case ModelKind::sage:
      return std::make_shared<SageModel>(options, outputs);
    case ModelKind::gatv2:
      return std::make_shared<Gatv2Model>(options, outputs);
    case ModelKind::transformer:
      break;
  }
  return std::make_shared<TransformerModel>(options, outputs);
}

TransformerModel::TransformerModel(const ModelOptions& options, int64_t outputs)
    : options_(options) {
  const int64_t width = options.hidden;
  if (width % options.heads != 0) {
    throw Error("transformer", fmt::format("{} heads don't divide {}", options.heads, width));
  }
  const size_t in = row_width + (options.context ? context_width : 0);
  input_ = register_module("input", Linear(static_cast<int64_t>(in), width));
  output_ = register_module("output", Linear(width, outputs));
  dropout_ = register_module("dropout", Dropout(options.dropout));
  positions_ =
      register_parameter("positions", 0.02 * at::randn({static_cast<int64_t>(most_layers), width}));
  class_token_ = register_parameter("class_token", 0.02 * at::randn({width}));
  for (int64_t i = 0; i < options.layers; ++i) {
    const auto linear = [&](const char* part) {
      return register_module(fmt::format("{}{}", part, i), Linear(width, width));
    };
    Layer layer;
    layer.query = linear("query");
    layer.key = linear("key");
    layer.value = linear("value");
    layer.out = linear("out");
    layer.up = linear("up");
    layer.down = linear("down");
    layer.attended = register_module(fmt::format("attended{}", i), layer_norm(width));
    layer.transformed = register_module(fmt::format("transformed{}", i), layer_norm(width));
    layers_.push_back(layer);
  }
}

/// A post-norm encoder layer (Vaswani et al. 2017). x: [B, 1 + T, hidden]; `hidden` [B, 1, 1, 1 +
/// T] is added to the scores.
at::Tensor TransformerModel::encode(const at::Tensor& x, const at::Tensor& hidden, size_t layer) {
  Layer& own = layers_[layer];
  const int64_t length = x.size(1), width = options_.hidden / options_.heads;
  const auto heads = [&](const at::Tensor& tensor) {  // [B, heads, 1 + T, width]
    return tensor.reshape({-1, length, options_.heads, width}).transpose(1, 2);
  };
  const at::Tensor scores = heads(own.query(x)).matmul(heads(own.key(x)).transpose(2, 3)) /
                            std::sqrt(static_cast<double>(width));
  const at::Tensor share = dropout_((scores + hidden).softmax(3));
  const at::Tensor heard =
      share.matmul(heads(own.value(x))).transpose(1, 2).reshape({-1, length, options_.hidden});
  const at::Tensor y = own.attended(x + dropout_(own.out(heard)));
  return own.transformed(y + dropout_(own.down(dropout_(own.up(y).relu()))));
}

at::Tensor TransformerModel::forward_rows(const at::Tensor& rows, const at::Tensor& valid,
                                          const at::Tensor& context) {
  const int64_t length = rows.size(1);
  at::Tensor x = rows;
  if (options_.context) {
    x = at::cat({rows, context.unsqueeze(1).expand({-1, length, -1})}, 2);
  }
  x = input_(x) + positions_.slice(0, 0, length);
  // The token is the same for all; taking it from a row keeps the number of networks open.
  const at::Tensor token = x.slice(1, 0, 1) * 0 + class_token_;
  x = at::cat({token, x}, 1);
  const at::Tensor there = at::cat({valid.slice(1, 0, 1) * 0 + 1, valid}, 1);
  const at::Tensor hidden = ((1 - there) * padded).unsqueeze(1).unsqueeze(1);
  for (size_t i = 0; i < layers_.size(); ++i) x = encode(x, hidden, i);
  return output_(x.select(1, 0));
}

at::Tensor TransformerModel::forward(const Networks& networks) {
  const at::Tensor place = at::arange(networks.rows.size(1), at::kLong).unsqueeze(0);
  const at::Tensor valid = (place < networks.lengths.unsqueeze(1)).to(at::kFloat);
  return forward_rows(networks.rows, valid, networks.context);
}

}  // namespace betimes::systems::wa_hls4ml
