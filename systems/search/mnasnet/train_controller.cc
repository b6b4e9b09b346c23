#include "systems/search/mnasnet/train_controller.h"

#include <torch/optim/adam.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

namespace betimes::systems::mnasnet {
namespace {

constexpr double impossible = -1e30;  // finite, so that 0 * log 0 is 0 and not NaN

/// One thread while it lives: a team costs more than tensors so small, and much more on a busy
/// machine.
class OneThread {
 public:
  OneThread() : before_(torch::get_num_threads()) { torch::set_num_threads(1); }
  ~OneThread() { torch::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

torch::Tensor chosen_of(const torch::Tensor& log_probabilities, const torch::Tensor& tokens) {
  return log_probabilities.gather(2, tokens.unsqueeze(2)).squeeze(2);
}

}  // namespace

ControllerImpl::ControllerImpl(const TokenSpace& space, int64_t hidden, int64_t embedding)
    : space_(space) {
  const auto length = static_cast<int64_t>(space.length());
  const int64_t most = space.most_alternatives();
  std::vector<int64_t> offsets;
  int64_t known = 1;  // 0 stands before the first token
  missing_ = torch::zeros({length, most}, torch::kBool);
  for (int64_t t = 0; t < length; ++t) {
    const int alternatives = space.tokens[static_cast<size_t>(t)].alternatives;
    offsets.push_back(known);
    known += alternatives;
    missing_[t].slice(0, alternatives).fill_(true);
  }
  offsets_ = torch::tensor(offsets);
  embedding_ = register_module("embedding", torch::nn::Embedding(known, embedding));
  lstm_ = register_module(
      "lstm", torch::nn::LSTM(torch::nn::LSTMOptions(embedding, hidden).batch_first(true)));
  // Small, so that the first networks are drawn almost uniformly.
  weight_ = register_parameter("weight", torch::randn({length, most, hidden}) * 0.01);
  bias_ = register_parameter("bias", torch::zeros({length, most}));
}

torch::Tensor ControllerImpl::logits(const torch::Tensor& states, int64_t first) {
  const int64_t end = first + states.size(1);
  return torch::einsum("bth,tah->bta", {states, weight_.slice(0, first, end)}) +
         bias_.slice(0, first, end);
}

torch::Tensor ControllerImpl::embedded(const torch::Tensor& tokens) {
  const torch::Tensor start = torch::zeros({tokens.size(0), 1}, torch::kLong);
  const torch::Tensor before = (tokens + offsets_).slice(1, 0, tokens.size(1) - 1);
  return embedding_->forward(torch::cat({start, before}, 1));
}

void ControllerImpl::forbid(const torch::Tensor& tokens, int64_t position,
                            torch::Tensor& illegal) const {
  if (!space_.legal) return;
  auto marks = illegal.accessor<bool, 3>();
  const auto drawn = tokens.accessor<int64_t, 2>();
  std::vector<int> before(static_cast<size_t>(position));
  for (int64_t b = 0; b < tokens.size(0); ++b) {
    for (int64_t t = 0; t < position; ++t) {
      before[static_cast<size_t>(t)] = static_cast<int>(drawn[b][t]);
    }
    const std::vector<bool> allowed = space_.mask(before);
    for (size_t a = 0; a < allowed.size(); ++a) {
      if (!allowed[a]) marks[b][position][static_cast<int64_t>(a)] = true;
    }
  }
}

ControllerImpl::Sample ControllerImpl::sample(int64_t count) {
  const torch::NoGradGuard no_gradient;
  const auto length = static_cast<int64_t>(space_.length());
  Sample found{torch::zeros({count, length}, torch::kLong),
               missing_.unsqueeze(0).repeat({count, 1, 1})};
  torch::Tensor last = torch::zeros({count, 1}, torch::kLong);
  std::tuple<torch::Tensor, torch::Tensor> state{
      torch::zeros({1, count, lstm_->options.hidden_size()}),
      torch::zeros({1, count, lstm_->options.hidden_size()})};
  for (int64_t t = 0; t < length; ++t) {
    forbid(found.tokens, t, found.illegal);
    const auto [output, next] = lstm_->forward(embedding_->forward(last), state);
    state = next;
    const torch::Tensor scores =
        logits(output, t).squeeze(1).masked_fill(found.illegal.select(1, t), impossible);
    const torch::Tensor drawn = torch::softmax(scores, 1).multinomial(1);
    found.tokens.select(1, t).copy_(drawn.squeeze(1));
    last = drawn + offsets_[t];
  }
  return found;
}

torch::Tensor ControllerImpl::log_probabilities(const Sample& sample) {
  const torch::Tensor states = std::get<0>(lstm_->forward(embedded(sample.tokens)));
  return torch::log_softmax(logits(states, 0).masked_fill(sample.illegal, impossible), 2);
}

torch::Tensor ControllerImpl::log_probability(const Sample& sample) {
  return chosen_of(log_probabilities(sample), sample.tokens);
}

torch::Tensor ppo_loss(const torch::Tensor& log_probabilities, const torch::Tensor& chosen_now,
                       const torch::Tensor& chosen_before, const torch::Tensor& advantage,
                       double clip, double entropy) {
  const torch::Tensor ratio = (chosen_now - chosen_before).exp();
  const torch::Tensor gain = advantage.unsqueeze(1);
  const torch::Tensor bounded = ratio.clamp(1 - clip, 1 + clip) * gain;
  const torch::Tensor uncertain =
      -(log_probabilities.exp() * log_probabilities.clamp_min(-100)).sum(2);
  return -(torch::min(ratio * gain, bounded) + entropy * uncertain).mean();
}

namespace {

/// The controller with what it learns from.
class Learner {
 public:
  Learner(const TokenSpace& space, const ControllerOptions& options)
      : options_(options),
        controller_(space),
        adam_(controller_->parameters(), torch::optim::AdamOptions(options.rate)) {}

  ControllerImpl::Sample draw(int count) {
    const OneThread alone;
    return controller_->sample(count);
  }

  void learn(const ControllerImpl::Sample& drawn, const std::vector<float>& rewards) {
    const OneThread alone;
    const torch::Tensor seen = torch::tensor(rewards);
    const double mean = seen.mean().item<double>();
    if (!any_) usual_ = mean;
    any_ = true;
    const double deviation = rewards.size() > 1 ? seen.std().item<double>() : 0;
    const torch::Tensor advantage = (seen - usual_) / std::max(deviation, 1e-6);
    usual_ += (1 - options_.memory) * (mean - usual_);
    const torch::Tensor before = controller_->log_probability(drawn).detach();
    for (int epoch = 0; epoch < options_.epochs; ++epoch) {
      const torch::Tensor all = controller_->log_probabilities(drawn);
      adam_.zero_grad();
      ppo_loss(all, chosen_of(all, drawn.tokens), before, advantage, options_.clip,
               options_.entropy)
          .backward();
      adam_.step();
    }
  }

 private:
  ControllerOptions options_;
  Controller controller_;
  torch::optim::Adam adam_;
  double usual_ = 0;  // moving average of rewards
  bool any_ = false;
};

}  // namespace

std::vector<Trial> controller_search(
    const TokenSpace& space, const Judge& judge, const Reward& reward, Cost cost,
    const ControllerOptions& options,
    const std::function<void(const std::vector<Trial>&)>& batch_done) {
  torch::manual_seed(options.seed);
  Learner learner(space, options);
  std::vector<Trial> trials;
  while (static_cast<int>(trials.size()) < options.samples) {
    const int count = std::min(options.batch, options.samples - static_cast<int>(trials.size()));
    const ControllerImpl::Sample drawn = learner.draw(count);
    std::vector<float> rewards;
    for (int64_t b = 0; b < count; ++b) {
      const torch::Tensor row = drawn.tokens[b].contiguous();
      const int64_t* tokens = row.data_ptr<int64_t>();
      Trial trial;
      trial.tokens.assign(tokens, tokens + row.numel());
      trial.found = judge(trial.tokens);
      trial.reward = reward(trial.found.accuracy, cost_of(trial.found, cost));
      rewards.push_back(static_cast<float>(trial.reward));
      trials.push_back(std::move(trial));
    }
    learner.learn(drawn, rewards);
    if (batch_done) batch_done(trials);
  }
  return trials;
}

}  // namespace betimes::systems::mnasnet
