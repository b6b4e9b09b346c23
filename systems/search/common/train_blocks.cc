#include "systems/search/common/train_blocks.h"

#include <cmath>

#include "betimes/learn/trace.h"

namespace betimes::systems::search {
namespace {

namespace nn = torch::nn;

struct Unit {
  int in = 1, out = 1, kernel = 1, stride = 1, groups = 1;
  bool active = true;
};

/// Convolution, batch norm and, where `active`, the activation.
void append(nn::Sequential& to, const Unit& unit, bool relu6, double epsilon) {
  to->push_back(nn::Conv2d(nn::Conv2dOptions(unit.in, unit.out, unit.kernel)
                               .stride(unit.stride)
                               .padding(unit.kernel / 2)
                               .groups(unit.groups)
                               .bias(false)));
  to->push_back(nn::BatchNorm2d(nn::BatchNorm2dOptions(unit.out).eps(epsilon)));
  if (!unit.active) return;
  if (relu6) {
    to->push_back(nn::ReLU6());
  } else {
    to->push_back(nn::ReLU());
  }
}

nn::Conv2d pointwise(int in, int out) { return nn::Conv2d(nn::Conv2dOptions(in, out, 1)); }

/// The input averaged with the layer's stride, missing channels zero.
torch::Tensor pooled(const torch::Tensor& x, const Layer& layer) {
  const torch::Tensor mean = torch::avg_pool2d(x, {3, 3}, {layer.stride, layer.stride}, {1, 1},
                                               /*ceil_mode=*/false, /*count_include_pad=*/false);
  const int missing = layer.out - layer.in;
  return missing == 0 ? mean : torch::constant_pad_nd(mean, {0, 0, 0, 0, 0, missing});
}

void initialize(nn::Module& module) {
  const torch::NoGradGuard no_gradient;
  for (const auto& child : module.modules(/*include_self=*/false)) {
    auto* conv = child->as<nn::Conv2d>();
    if (!conv) continue;
    const auto& weight = conv->weight;
    const auto fan = static_cast<double>(weight.size(0) * weight.size(2) * weight.size(3)) /
                     static_cast<double>(conv->options.groups());
    conv->weight.normal_(0, std::sqrt(2.0 / fan));
  }
}

graph::Graph traced(nn::Module& module, const learn::Forward& forward, const at::Tensor& example,
                    const std::string& output, const std::string& batch) {
  learn::TraceOptions options;
  options.batch = batch;
  options.inputs = {"image"};
  options.outputs = {output};
  return learn::trace(module, forward, {example}, options);
}

}  // namespace

BlockLayerImpl::BlockLayerImpl(const Layer& layer, double epsilon) : layer_(layer) {
  const int in = layer.in, middle = layer.middle(), out = layer.out;
  switch (layer.op) {
    case Operator::conv:
      append(before_, {in, out, layer.kernel, layer.stride}, layer.relu6, epsilon);
      break;
    case Operator::pointwise:
      append(before_, {in, out}, layer.relu6, epsilon);
      break;
    case Operator::mbconv:
      if (layer.expansion > 1) append(before_, {in, middle}, layer.relu6, epsilon);
      [[fallthrough]];
    case Operator::separable:
      append(before_, {middle, middle, layer.kernel, layer.stride, middle}, layer.relu6, epsilon);
      append(after_, {middle, out, 1, 1, 1, false}, layer.relu6, epsilon);
      break;
    case Operator::classifier:
      after_->push_back(nn::Linear(in, out));
      break;
    case Operator::zero:
      break;
  }
  register_module("before", before_);
  if (layer.squeeze_channels() > 0) {
    reduce_ = register_module("reduce", pointwise(middle, layer.squeeze_channels()));
    expand_ = register_module("expand", pointwise(layer.squeeze_channels(), middle));
  }
  register_module("after", after_);
  initialize(*this);
}

torch::Tensor BlockLayerImpl::forward(const torch::Tensor& x) {
  if (layer_.op == Operator::zero) return x;
  if (layer_.op == Operator::classifier) return after_->forward(x.mean({2, 3}));
  torch::Tensor y = before_->forward(x);
  if (reduce_) {
    const torch::Tensor mean = y.mean({2, 3}, /*keepdim=*/true);
    y = y * torch::sigmoid(expand_->forward(torch::relu(reduce_->forward(mean))));
  }
  if (!after_->is_empty()) y = after_->forward(y);
  if (layer_.skip == Skip::identity) return y + x;
  return layer_.skip == Skip::pool ? y + pooled(x, layer_) : y;
}

BlockModelImpl::BlockModelImpl(const BlockNet& net) : net_(net) {
  for (const Layer& layer : layers(net)) layers_->push_back(BlockLayer(layer, net.epsilon));
  register_module("layers", layers_);
}

torch::Tensor BlockModelImpl::forward(torch::Tensor x) {
  if (x.size(2) != net_.resolution || x.size(3) != net_.resolution) {
    x = torch::upsample_bilinear2d(x, {net_.resolution, net_.resolution}, false);
  }
  for (const auto& layer : *layers_) x = layer->as<BlockLayer>()->forward(x);
  return x;
}

graph::Graph served_graph(BlockModel& model, int size) {
  const auto forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{model->forward(inputs[0])};
  };
  const at::Tensor example = torch::rand({1, model->net().channels, size, size});
  return traced(*model, forward, example, "logits", "N");
}

graph::Graph layer_graph(BlockLayer& layer) {
  const auto forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{layer->forward(inputs[0])};
  };
  const Layer& made = layer->layer();
  const at::Tensor example = torch::rand({1, made.in, made.resolution, made.resolution});
  return traced(*layer, forward, example, "output", "");
}

}  // namespace betimes::systems::search
