#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// y = conv(x) * factor + offset, with constants that vary by output channel only, is one
// convolution with other weights and another bias. The same for transposed convolutions and matrix
// products.

namespace betimes::runtime {
namespace {

/// A weighted node and how its output channels lie in the weights.
struct Weighted {
  Node* node = nullptr;
  int64_t channels = 0;
  size_t dimension = 1;  // of the output that the channels are
};

std::optional<Weighted> weighted_before(Rewriter& rewriter, const std::string& value) {
  Node* node = rewriter.producer(value);
  if (!node || node->domain != "betimes" || !rewriter.only_consumer(value)) return std::nullopt;
  const bool product = node->op == "MatMul";
  if (!product && node->op != "Conv" && node->op != "ConvTranspose") return std::nullopt;
  const bool residual = node->inputs.size() > 3 && !node->inputs[3].empty();
  if (residual || graph::activation_of(*node).kind != Activation::Kind::none) return std::nullopt;
  const Shape& shape = rewriter.type(value).shape;
  if (shape.size() < 2) return std::nullopt;
  const size_t dimension = product ? shape.size() - 1 : 1;
  return Weighted{node, shape[dimension], dimension};
}

/// The constant as one number for each channel of the node's output.
std::optional<std::vector<float>> channel_values(const Weighted& weighted, const Tensor* constant,
                                                 size_t rank) {
  if (weighted.dimension == 1) return per_channel(constant, rank, weighted.channels);
  // A product's channels are its last dimension: align the constant there.
  if (!constant || constant->dtype() != DType::f32 || constant->size() == 0 ||
      constant->shape().size() > rank) {
    return std::nullopt;
  }
  const auto data = constant->data<float>();
  if (data.size() == 1) {
    return std::vector<float>(static_cast<size_t>(weighted.channels), data[0]);
  }
  if (constant->size() != weighted.channels || constant->shape().back() != weighted.channels) {
    return std::nullopt;
  }
  return std::vector<float>(data.begin(), data.end());
}

/// Weights with each output channel multiplied by its factor.
std::optional<Tensor> scaled_weights(const Weighted& weighted, const Tensor& weights,
                                     const std::vector<float>& factors) {
  if (weights.dtype() != DType::f32) return std::nullopt;
  Tensor result = weights;
  float* data = result.mutable_data<float>().data();
  const int64_t total = weights.size();
  // Runs of weights that belong to one channel, one channel after the other, again and again.
  const auto multiply = [&](int64_t run, int64_t first, int64_t channels) {
    for (int64_t channel = first; channel < first + channels; ++channel, data += run) {
      const float factor = factors[static_cast<size_t>(channel)];
      for (int64_t i = 0; i < run; ++i) data[i] *= factor;
    }
  };
  if (total == 0) return result;
  if (weighted.node->op == "MatMul") {
    for (int64_t row = 0; row < total / weighted.channels; ++row) {
      multiply(1, 0, weighted.channels);
    }
    return result;
  }
  if (weighted.node->op == "Conv") {
    multiply(total / weighted.channels, 0, weighted.channels);
    return result;
  }
  // ConvTranspose: [C_in, C_out / group, kernel...], groups split the inputs.
  const int64_t in = weights.shape()[0];
  const int64_t out = weights.shape()[1];
  const int64_t groups = weighted.node->get("group", int64_t{1});
  for (int64_t i = 0; i < in; ++i) multiply(total / (in * out), i / (in / groups) * out, out);
  return result;
}

std::optional<std::vector<float>> bias_of(Rewriter& rewriter, const Weighted& weighted) {
  const Node& node = *weighted.node;
  if (node.inputs.size() < 3 || node.inputs[2].empty()) {
    return std::vector<float>(static_cast<size_t>(weighted.channels), 0.0f);
  }
  const Tensor* bias = rewriter.constant(node.inputs[2]);
  if (!bias || bias->dtype() != DType::f32 || bias->size() != weighted.channels)
    return std::nullopt;
  const auto data = bias->data<float>();
  return std::vector<float>(data.begin(), data.end());
}

void set_bias(Rewriter& rewriter, Node& node, const std::vector<float>& bias) {
  if (node.inputs.size() < 3) node.inputs.resize(3);
  const Shape shape = {static_cast<int64_t>(bias.size())};
  node.inputs[2] = rewriter.add_constant(node.name + "_bias", Tensor::from<float>(shape, bias));
}

bool scale(Rewriter& rewriter, const Weighted& weighted, const std::vector<float>& factors) {
  Node& node = *weighted.node;
  const Tensor* weights = rewriter.constant(node.inputs[1]);
  auto bias = bias_of(rewriter, weighted);
  if (!weights || !bias) return false;
  auto scaled = scaled_weights(weighted, *weights, factors);
  if (!scaled) return false;
  node.inputs[1] = rewriter.add_constant(node.name + "_weights", std::move(*scaled));
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return true;
  for (size_t c = 0; c < bias->size(); ++c) (*bias)[c] *= factors[c];
  set_bias(rewriter, node, *bias);
  return true;
}

bool shift(Rewriter& rewriter, const Weighted& weighted, const std::vector<float>& offsets) {
  auto bias = bias_of(rewriter, weighted);
  if (!bias) return false;
  for (size_t c = 0; c < bias->size(); ++c) (*bias)[c] += offsets[c];
  set_bias(rewriter, *weighted.node, *bias);
  return true;
}

bool fold(Rewriter& rewriter, Node& node) {
  if (!node.domain.empty() || node.inputs.size() != 2) return false;
  const bool multiplies = node.op == "Mul" || node.op == "Div";
  const bool adds = node.op == "Add" || node.op == "Sub";
  if (!multiplies && !adds) return false;
  const bool commutes = node.op == "Mul" || node.op == "Add";
  const size_t constant = commutes && rewriter.constant(node.inputs[0]) ? 0 : 1;
  const std::string value = node.inputs[1 - constant];
  const auto weighted = weighted_before(rewriter, value);
  if (!weighted || rewriter.type(value) != rewriter.type(node.outputs[0])) return false;
  auto numbers = channel_values(*weighted, rewriter.constant(node.inputs[constant]),
                                rewriter.type(value).shape.size());
  if (!numbers) return false;
  for (float& number : *numbers) {
    if (node.op == "Div") number = 1.0f / number;
    if (node.op == "Sub") number = -number;
  }
  if (!(multiplies ? scale(rewriter, *weighted, *numbers) : shift(rewriter, *weighted, *numbers))) {
    return false;
  }
  absorb(*weighted->node, node);
  weighted->node->outputs = node.outputs;
  rewriter.remove(node);
  rewriter.refresh();
  return true;
}

int run(StaticGraph& graph) {
  Rewriter rewriter(graph);
  for (size_t i = 0; i < rewriter.size(); ++i) {
    if (!rewriter.gone(i) && fold(rewriter, rewriter.node(i))) rewriter.changed();
  }
  return rewriter.finish();
}

}  // namespace

graph::Pass scale_shift_pass() { return {"scale_shift", run}; }

}  // namespace betimes::runtime
