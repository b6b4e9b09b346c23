#include "systems/search/cbnet/train_branchy.h"

#include <torch/utils.h>

#include <algorithm>

namespace betimes::systems::cbnet {
namespace {

constexpr double exit1_weight = 1.0, exit2_weight = 0.3;
constexpr double temperature = 4, teacher_share = 0.5;
constexpr int64_t at_once = 500;

/// Convolutions of few channels take two thirds of the time with the channels innermost.
at::Tensor channels_last(const at::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

learn::TensorDataset labelled(const search::Images& images) {
  return learn::TensorDataset({images.images}, images.labels);
}

}  // namespace

void train_with(torch::nn::Module& module, const learn::Dataset& data,
                const std::function<at::Tensor(const learn::Batch&)>& loss, const Training& how,
                const Report& report) {
  for (at::Tensor& parameter : module.parameters()) {
    parameter.set_data(channels_last(parameter.data()));
  }
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.seed = how.seed;
  options.batch = how.batch;
  options.optimizer.kind = learn::OptimizerOptions::Kind::adam;
  options.optimizer.rate = how.rate;
  options.schedule = learn::cosine();
  options.keep_best = false;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  learn::Objective objective;
  objective.loss = [&](learn::Batch batch) {
    for (at::Tensor& input : batch.inputs) input = channels_last(input);
    return loss(batch);
  };
  learn::train(
      module, data, objective, options, report ? report : [](const learn::Epoch&) {});
  module.eval();
}

void train_branchy(Branchy& net, const search::Images& images, const Training& how,
                   const Report& report) {
  const auto loss = [&](const learn::Batch& batch) {
    const at::Tensor shared = net->front->shared(batch.inputs[0]);
    const at::Tensor first = net->front->answer(net->front->features(shared));
    return exit1_weight * torch::cross_entropy_loss(first, batch.targets) +
           exit2_weight * torch::cross_entropy_loss(net->trunk->forward(shared), batch.targets);
  };
  train_with(*net, labelled(images), loss, how, report);
}

void train_classifier(torch::nn::AnyModule net, const search::Images& images, const Training& how,
                      const Report& report) {
  const auto loss = [&](const learn::Batch& batch) {
    return torch::cross_entropy_loss(net.forward(batch.inputs[0]), batch.targets);
  };
  train_with(*net.ptr(), labelled(images), loss, how, report);
}

void distil(Front& net, const search::Images& images, const at::Tensor& teacher,
            const Training& how, const Report& report) {
  const learn::TensorDataset data({images.images, torch::softmax(teacher / temperature, 1)},
                                  images.labels);
  const auto loss = [&](const learn::Batch& batch) {
    const at::Tensor logits = net->forward(batch.inputs[0]);
    const at::Tensor apart = torch::kl_div(torch::log_softmax(logits / temperature, 1),
                                           batch.inputs[1], at::Reduction::Sum) /
                             batch.targets.size(0);
    return (1 - teacher_share) * torch::cross_entropy_loss(logits, batch.targets) +
           teacher_share * temperature * temperature * apart;
  };
  train_with(*net, data, loss, how, report);
}

Answers answers(Branchy& net, const at::Tensor& images) {
  const torch::NoGradGuard no_gradient;
  net->eval();
  std::vector<at::Tensor> features, first, last;
  for (int64_t begin = 0; begin < images.size(0); begin += at_once) {
    const at::Tensor shared =
        net->front->shared(images.slice(0, begin, std::min(begin + at_once, images.size(0))));
    features.push_back(net->front->features(shared));
    first.push_back(net->front->answer(features.back()));
    last.push_back(net->trunk->forward(shared));
  }
  return {torch::cat(features), torch::cat(first), torch::cat(last)};
}

at::Tensor apply_all(const std::function<at::Tensor(const at::Tensor&)>& net,
                     const at::Tensor& images) {
  const torch::NoGradGuard no_gradient;
  std::vector<at::Tensor> found;
  for (int64_t begin = 0; begin < images.size(0); begin += at_once) {
    found.push_back(net(images.slice(0, begin, std::min(begin + at_once, images.size(0)))));
  }
  return torch::cat(found);
}

at::Tensor entropies(const at::Tensor& logits) {
  const at::Tensor logs = torch::log_softmax(logits.to(at::kDouble), 1);
  return -(logs.exp() * logs).sum(1);
}

double tau_of(const Answers& held_out, const at::Tensor& labels) {
  const at::Tensor entropy = entropies(held_out.first);
  const at::Tensor first = held_out.first.argmax(1) == labels;
  const at::Tensor last = held_out.last.argmax(1) == labels;
  std::vector<ExitPair> images;
  for (int64_t i = 0; i < labels.size(0); ++i) {
    images.push_back({entropy[i].item<double>(), first[i].item<bool>(), last[i].item<bool>()});
  }
  return choose_tau(std::move(images));
}

at::Tensor easy_images(const at::Tensor& first_logits, const at::Tensor& labels, double tau) {
  return (entropies(first_logits) <= tau).logical_and(first_logits.argmax(1) == labels);
}

}  // namespace betimes::systems::cbnet
