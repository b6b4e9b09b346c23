#include "systems/spiking/iir-snn/train_dnn.h"

#include <torch/nn/functional.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>

#include "betimes/runtime/session.h"
#include "systems/spiking/common/train_tensors.h"
#include "systems/spiking/iir-snn/iir_task.h"

namespace betimes::systems::iir_snn {
namespace F = torch::nn::functional;

at::Tensor pooled_weight(const at::Tensor& weight) {
  at::Tensor sum;
  for (int64_t corner = 0; corner < 4; ++corner) {
    const int64_t down = corner / 2, right = corner % 2;
    const at::Tensor moved = at::constant_pad_nd(weight, {right, 1 - right, down, 1 - down});
    sum = sum.defined() ? sum + moved : moved;
  }
  return sum / 4;
}

DnnImpl::DnnImpl(const Widths& widths, Unit unit, double dropout)
    : widths_(widths), unit_(unit), dropout_(dropout) {
  int64_t in = 1, side = widths.side;
  for (size_t i = 0; i < widths.channels.size(); ++i) {
    const std::string index = std::to_string(i);
    const auto options = torch::nn::Conv2dOptions(in, widths.channels[i], 3).padding(1).bias(false);
    convolutions_.push_back(register_module("conv" + index, torch::nn::Conv2d(options)));
    norms_.push_back(register_module("norm" + index, torch::nn::BatchNorm2d(widths.channels[i])));
    in = widths.channels[i];
    if (widths.pooled[i]) side /= 2;
  }
  const auto dense = [](int64_t from, int64_t to) {
    return torch::nn::Linear(torch::nn::LinearOptions(from, to).bias(false));
  };
  hidden_ = register_module("hidden", dense(in * side * side, widths.hidden));
  head_ = register_module("head", dense(widths.hidden, widths.classes));
  if (unit == Unit::binary) {
    hidden_norm_ = register_module("hidden_norm", torch::nn::BatchNorm1d(widths.hidden));
  }
}

at::Tensor DnnImpl::unit(const at::Tensor& x) const {
  if (unit_ == Unit::relu) return at::relu(x);
  const at::Tensor straight = x.clamp(-1, 1);
  return straight + ((x > 0).to(at::kFloat) - straight).detach();
}

at::Tensor DnnImpl::forward(const at::Tensor& images) {
  at::Tensor x = images;
  for (size_t i = 0; i < convolutions_.size(); ++i) {
    const at::Tensor& weight = convolutions_[i]->weight;
    // The pooled kernel is one convolution of stride 2 instead of one of stride 1 and a mean.
    x = widths_.pooled[i] ? at::conv2d(x, pooled_weight(weight), {}, 2, 1)
                          : at::conv2d(x, weight, {}, 1, 1);
    x = at::dropout(unit(norms_[i](x)), dropout_, is_training());
  }
  x = hidden_(x.flatten(1));
  if (hidden_norm_) x = hidden_norm_(x);
  return head_(at::dropout(unit(x), dropout_, is_training()));
}

Net DnnImpl::fused() {
  torch::NoGradGuard no_gradient;
  Net net;
  net.height = net.width = widths_.side;
  net.time_steps = unit_ == Unit::relu ? 0 : 1;
  const double shift = unit_ == Unit::relu ? 0 : 1;
  const auto fuse = [&](const at::Tensor& weight, const auto& norm, bool pooled) {
    const at::Tensor scale = norm->weight / (norm->running_var + norm->options.eps()).sqrt();
    std::vector<int64_t> rows(static_cast<size_t>(weight.dim()), 1);
    rows[0] = -1;
    const at::Tensor bias = norm->bias - scale * norm->running_mean + shift;
    net.layers.push_back(
        {spiking::from_torch(weight * scale.view(rows)), spiking::from_torch(bias), pooled, 1, 1});
  };
  for (size_t i = 0; i < convolutions_.size(); ++i) {
    fuse(convolutions_[i]->weight, norms_[i], widths_.pooled[i]);
  }
  if (hidden_norm_) {
    fuse(hidden_->weight, hidden_norm_, false);
  } else {
    net.layers.push_back({spiking::from_torch(hidden_->weight),
                          spiking::from_torch(at::zeros({widths_.hidden})), false, 1, 1});
  }
  net.layers.push_back({spiking::from_torch(head_->weight),
                        spiking::from_torch(at::zeros({widths_.classes})), false, 1, 1});
  return net;
}

double dense_accuracy(const Net& net, const judge::Examples& examples) {
  runtime::Session session(runtime::compile(dense_graph(net, 1)));
  int64_t right = 0;
  for (int64_t i = 0; i < examples.size(); ++i) {
    std::ranges::copy(example(examples, i), session.inputs()[0].as<float>());
    session.run();
    const float* logits = session.outputs()[0].as<float>();
    const auto best = std::max_element(logits, logits + net.classes()) - logits;
    right += best == examples.labels[static_cast<size_t>(i)] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(examples.size());
}

Net train_dnn(const std::string& name, const Widths& widths, Unit unit, int epochs,
              const Training& training, const judge::Examples& validation) {
  torch::manual_seed(training.seed);
  Dnn dnn(widths, unit, unit == Unit::relu ? 0.1 : 0.0);
  torch::optim::SGD optimizer(dnn->parameters(),
                              torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(5e-4));
  Steps steps;
  steps.logits = [&](const at::Tensor& images) {
    dnn->train();
    return dnn->forward(images);
  };
  steps.set_rate = [&](double rate) {
    for (auto& group : optimizer.param_groups()) {
      static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
    }
  };
  steps.validate = [&] {
    const Net net = dnn->fused();
    return unit == Unit::relu ? dense_accuracy(net, validation) : accuracy(net, validation);
  };
  Schedule schedule{epochs, 0.05, {0.45, 0.7, 0.9}, 64};
  train_epochs(name, optimizer, schedule, training, steps);
  dnn->eval();
  return dnn->fused();
}

}  // namespace betimes::systems::iir_snn
