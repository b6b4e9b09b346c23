#include "systems/hardware/mlir-cost-model/train_model.h"

#include <fmt/format.h>

#include <cmath>

#include "betimes/learn/trace.h"

namespace betimes::systems::mlir_cost_model {
namespace {

constexpr int64_t kernels[] = {2, 2, 4, 4, 8, 8};
constexpr size_t pooled_after[] = {1, 3};  // a maximum over pairs after the second and the fourth

bool pools_after(size_t i) { return i == pooled_after[0] || i == pooled_after[1]; }

}  // namespace

const char* name(Reader reader) {
  switch (reader) {
    case Reader::bag:
      return "bag";
    case Reader::lstm:
      return "lstm";
    case Reader::conv:
      return "conv";
    case Reader::transformer:
      return "transformer";
  }
  return "";
}

std::vector<Reader> all_readers() {
  return {Reader::bag, Reader::lstm, Reader::conv, Reader::transformer};
}

SentenceModelImpl::SentenceModelImpl(const ModelOptions& options) : options_(options) {
  const int64_t width = options.width;
  const auto count = static_cast<int64_t>(target_count);
  tokens_ = register_module("tokens", torch::nn::Embedding(options.vocabulary, width));
  int64_t read = width;
  if (options.reader == Reader::conv) {
    for (size_t i = 0; i < std::size(kernels); ++i) {
      convolutions_.push_back(register_module(
          fmt::format("conv{}", i),
          torch::nn::Conv1d(
              torch::nn::Conv1dOptions(width, width, kernels[i]).padding(torch::kSame))));
    }
  } else if (options.reader == Reader::lstm) {
    lstm_ = register_module(
        "lstm", torch::nn::LSTM(torch::nn::LSTMOptions(width, options.lstm).batch_first(true)));
    read = options.lstm;
  } else if (options.reader == Reader::transformer) {
    positions_ = register_module("positions", torch::nn::Embedding(options.longest + 1, width));
    const auto norm = [&] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})); };
    for (int i = 0; i < 2; ++i) {
      const auto part = [&](const char* of, auto module) {
        return register_module(fmt::format("layer{}_{}", i, of), module);
      };
      layers_.push_back({part("first_norm", norm()), part("second_norm", norm()),
                         part("query", torch::nn::Linear(width, width)),
                         part("key", torch::nn::Linear(width, width)),
                         part("value", torch::nn::Linear(width, width)),
                         part("out", torch::nn::Linear(width, width)),
                         part("wide", torch::nn::Linear(width, 2 * width)),
                         part("narrow", torch::nn::Linear(2 * width, width))});
    }
  }
  first_ = register_module("first", torch::nn::Linear(read + 1, 128));
  second_ = register_module("second", torch::nn::Linear(128, 64));
  last_ = register_module("last", torch::nn::Linear(64, count));
  means_ = register_buffer("means", torch::zeros({count}));
  deviations_ = register_buffer("deviations", torch::ones({count}));
}

void SentenceModelImpl::set_scale(const torch::Tensor& means, const torch::Tensor& deviations) {
  const torch::NoGradGuard no_gradient;
  means_.copy_(means);
  deviations_.copy_(deviations);
}

torch::Tensor SentenceModelImpl::forward(const torch::Tensor& ids) {
  const torch::Tensor mask = ids.ne(0).to(torch::kFloat);
  const torch::Tensor length = mask.sum({1}, true);
  const torch::Tensor found = read(tokens_->forward(ids) * mask.unsqueeze(2), mask);
  // About 0 at 128 tokens, and of the other inputs' size.
  const torch::Tensor x = torch::cat({found, length.log() - std::log(128.0)}, 1);
  return last_->forward(second_->forward(first_->forward(x).relu()).relu());
}

torch::Tensor SentenceModelImpl::read(const torch::Tensor& x, const torch::Tensor& mask) {
  switch (options_.reader) {
    case Reader::bag:
      return x.sum({1}) / mask.sum({1}, true);
    case Reader::conv:
      return convolve(x, mask);
    case Reader::transformer:
      return attend(x, mask);
    case Reader::lstm:
      break;
  }
  const torch::Tensor states = std::get<0>(lstm_->forward(x));  // [B, L, state]
  // 1 at the last token alone: where the mask goes down.
  const torch::Tensor last = mask - torch::constant_pad_nd(mask.slice(1, 1), {0, 1}, 0);
  return (states * last.unsqueeze(2)).sum({1});
}

torch::Tensor SentenceModelImpl::convolve(const torch::Tensor& x, const torch::Tensor& mask) {
  torch::Tensor y = x.transpose(1, 2), seen = mask.unsqueeze(1);
  for (size_t i = 0; i < convolutions_.size(); ++i) {
    // Padding stays 0, as it is beyond the ends, and loses every maximum against what ReLU leaves.
    y = convolutions_[i]->forward(y).relu() * seen;
    if (!pools_after(i)) continue;
    y = torch::max_pool1d(y, 2);
    seen = torch::max_pool1d(seen, 2);
  }
  return y.amax({2});
}

torch::Tensor SentenceModelImpl::attend(const torch::Tensor& x, const torch::Tensor& mask) {
  const int64_t heads = options_.heads, width = options_.width / heads;
  const torch::Tensor places = (mask.cumsum(1) * mask).to(torch::kLong);  // 1, 2, ...; padding: 0
  const torch::Tensor beyond = (1 - mask).unsqueeze(1).unsqueeze(2) * -1e9;  // [B, 1, 1, L]
  torch::Tensor y = x + positions_->forward(places);
  const auto split = [&](const torch::Tensor& all) {  // [B, L, w] -> [B, heads, L, w / heads]
    return all.unflatten(2, {heads, width}).transpose(1, 2);
  };
  for (EncoderLayer& layer : layers_) {
    const torch::Tensor z = layer.first_norm->forward(y);
    const torch::Tensor scores = torch::matmul(split(layer.query->forward(z)),
                                               split(layer.key->forward(z)).transpose(2, 3)) *
                                     (1 / std::sqrt(static_cast<double>(width))) +
                                 beyond;
    const torch::Tensor mixed = torch::matmul(scores.softmax(-1), split(layer.value->forward(z)));
    y = y + layer.out->forward(mixed.transpose(1, 2).flatten(2));
    y = y + layer.narrow->forward(layer.wide->forward(layer.second_norm->forward(y)).relu());
  }
  return (y * mask.unsqueeze(2)).sum({1}) / mask.sum({1}, true);
}

graph::Graph model_graph(SentenceModel& model) {
  learn::TraceOptions how;
  how.name = fmt::format("mlir-cost-model-{}", name(model->options().reader));
  how.batch = "L";
  how.batch_axes = {1};
  how.inputs = {"tokens"};
  how.outputs = {"values"};
  const learn::Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{model->values(inputs[0])};
  };
  // Sixteen tokens, so that one example more is halved to the same lengths.
  const at::Tensor example =
      at::arange(16).remainder(model->options().vocabulary - 1).add(1).unsqueeze(0);
  return learn::trace(*model, forward, {example}, how);
}

}  // namespace betimes::systems::mlir_cost_model
