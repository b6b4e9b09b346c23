#include "systems/search/proxylessnas/train_search.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/learn/optimizer.h"
#include "betimes/learn/schedule.h"

namespace betimes::systems::proxylessnas {
namespace {

constexpr double initial_deviation = 1e-3, weight_decay = 4e-5, most_gradient = 5;

/// Gradient null, not zero: unused candidates then get neither weight decay nor momentum.
void forget_gradients(Supernet& net) {
  for (at::Tensor& parameter : net->parameters()) parameter.mutable_grad().reset();
}

/// Which gates are wanted: the active candidate first.
Gates gates_of(const std::vector<Weights>& weights, Mode mode, Random& random,
               std::vector<Pair>& pairs) {
  Gates gates;
  for (const Weights& own : weights) {
    if (mode == Mode::two_path) {
      pairs.push_back(draw_pair(own, random));
      gates.push_back({pairs.back().active, pairs.back().inactive});
      continue;
    }
    const size_t active = draw(softmax(own), random);
    std::vector<size_t>& all = gates.emplace_back(std::vector<size_t>{active});
    for (size_t c = 0; c < own.size(); ++c) {
      if (c != active) all.push_back(c);
    }
  }
  return gates;
}

/// The probabilities and costs of a layer's wanted candidates, in their order.
struct LayerView {
  Weights probabilities, costs;
};

LayerView view_of(const Weights& weights, const std::vector<double>& costs,
                  const std::vector<size_t>& wanted, Mode mode) {
  LayerView found;
  if (mode == Mode::two_path) {
    const auto [active, inactive] = pair_probabilities(weights, {wanted[0], wanted[1]});
    found.probabilities = {active, inactive};
  } else {
    const Weights all = softmax(weights);
    for (const size_t candidate : wanted) found.probabilities.push_back(all[candidate]);
  }
  for (const size_t candidate : wanted) found.costs.push_back(costs[candidate]);
  return found;
}

double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// One search on its way.
class Search {
 public:
  Search(const Space& space, const Costs& costs, const search::Images& training,
         const search::Images& held_out, const SearchOptions& options)
      : space_(space),
        costs_(costs),
        held_out_(held_out),
        options_(options),
        random_(options.seed),
        data_({training.images}, training.labels),
        net_(seeded_net(space, options.seed)),
        optimizer_(*net_, rule(options)) {
    for (size_t l = 0; l < space.layers(); ++l) {
      Weights& own = weights_.emplace_back();
      for (size_t c = 0; c < space.candidates(l).size(); ++c) {
        own.push_back(initial_deviation * random_.normal());
      }
      adam_.emplace_back(options.arch_rate);
    }
    net_->train();
  }

  SearchResult run(const std::function<void(const std::string&)>& line) {
    const auto begun = std::chrono::steady_clock::now();
    const learn::Loader loader(data_, {options_.batch, options_.seed, true, true});
    const learn::Schedule cosine = learn::cosine(0, 1, 0);
    SearchResult result;
    const int all = options_.warm_up + options_.epochs;
    for (int epoch = 0; epoch < all; ++epoch) {
      const bool warm = epoch < options_.warm_up;
      const double from = warm ? 0 : options_.warm_up;
      const double length = warm ? options_.warm_up : options_.epochs;
      double step = 0, loss = 0;
      loader.epoch(epoch + 1, [&](const learn::Batch& batch) {
        const double share = step / static_cast<double>(loader.steps());
        optimizer_.set_factor((warm ? options_.warm_up_rate / options_.rate : 1) *
                              cosine((epoch - from + share) / length));
        loss += weight_step(batch) / static_cast<double>(loader.steps());
        ++step;
        if (!warm && static_cast<int>(step) % options_.arch_every == 0) arch_step();
      });
      if (!warm) note(result);
      if (line) line(report(epoch + 1, all, loss));
    }
    result.seconds = seconds_since(begun);
    result.weights = weights_;
    for (const Weights& own : weights_) {
      result.choice.push_back(
          static_cast<size_t>(std::max_element(own.begin(), own.end()) - own.begin()));
    }
    return result;
  }

 private:
  static Supernet seeded_net(const Space& space, uint64_t seed) {
    torch::manual_seed(seed);
    return Supernet(space);
  }
  static learn::OptimizerOptions rule(const SearchOptions& options) {
    learn::OptimizerOptions rule;
    rule.rate = options.rate;
    rule.weight_decay = weight_decay;
    return rule;
  }

  Choice sampled() {
    Choice choice;
    for (const Weights& own : weights_) choice.push_back(draw(softmax(own), random_));
    return choice;
  }

  double weight_step(const learn::Batch& batch) {
    forget_gradients(net_);
    const at::Tensor loss =
        search::smoothed_loss(net_->forward(batch.inputs[0], sampled()), batch.targets);
    loss.backward();
    optimizer_.clip(most_gradient);
    optimizer_.step();
    const double value = loss.item<double>();
    if (!std::isfinite(value)) throw Error("search", "has a loss that isn't finite");
    return value;
  }

  search::Images held_out_batch() {
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < options_.batch; ++i) {
      chosen.push_back(
          static_cast<int64_t>(random_.below(static_cast<uint64_t>(held_out_.size()))));
    }
    const at::Tensor which = torch::tensor(chosen);
    return {held_out_.images.index_select(0, which), held_out_.labels.index_select(0, which)};
  }

  void arch_step() {
    const search::Images batch = held_out_batch();
    if (options_.mode == Mode::reinforce) return reinforce(batch);
    const ArchitectureStep step =
        architecture_step(net_, weights_, costs_, options_.latency, options_.mode, batch.images,
                          batch.labels, random_);
    for (size_t l = 0; l < weights_.size(); ++l) {
      if (options_.mode == Mode::full) {
        adam_[l].step(weights_[l], step.gradient[l]);
        continue;
      }
      const Pair& pair = step.pairs[l];
      const bool zero = space_.candidates(l)[pair.active].op == search::Operator::zero;
      if (zero && !options_.learn_from_zero) continue;
      const Weights before = weights_[l];
      adam_[l].step(weights_[l], step.gradient[l], {pair.active, pair.inactive});
      keep_mass(weights_[l], before, pair);
    }
    forget_gradients(net_);
  }

  void reinforce(const search::Images& batch) {
    const torch::NoGradGuard no_gradient;
    constexpr double exponent = 0.1;
    std::vector<Choice> choices;
    std::vector<double> rewards;
    double mean = 0;
    for (int i = 0; i < options_.reinforce_samples; ++i) {
      choices.push_back(sampled());
      const at::Tensor found = net_->forward(batch.images, choices.back()).argmax(1);
      const double accuracy = (found == batch.labels).to(at::kDouble).mean().item<double>();
      const double relative = options_.latency.reference_ms / costs_.total(choices.back());
      rewards.push_back(options_.latency.form == LatencyLoss::Form::none
                            ? accuracy
                            : accuracy * std::pow(relative, exponent));
      mean += rewards.back() / options_.reinforce_samples;
    }
    baseline_.see(mean);
    for (size_t l = 0; l < weights_.size(); ++l) {
      const Weights probabilities = softmax(weights_[l]);
      Weights gradient(probabilities.size());
      for (size_t i = 0; i < choices.size(); ++i) {
        const Weights own = negative_log_gradient(probabilities, choices[i][l]);
        const double gain = (rewards[i] - baseline_.value()) / options_.reinforce_samples;
        for (size_t c = 0; c < own.size(); ++c) gradient[c] += gain * own[c];
      }
      adam_[l].step(weights_[l], gradient);
    }
  }

  void note(SearchResult& result) const {
    double uncertain = 0, ms = costs_.fixed;
    for (size_t l = 0; l < weights_.size(); ++l) {
      const Weights probabilities = softmax(weights_[l]);
      uncertain += entropy(probabilities) / static_cast<double>(weights_.size());
      ms += expected(probabilities, costs_.of[l]);
    }
    result.entropies.push_back(uncertain);
    result.latencies.push_back(ms);
  }

  std::string report(int epoch, int all, double loss) const {
    SearchResult now;
    note(now);
    return fmt::format("epoch {:2}/{}  loss {:.4f}  entropy {:.3f}  expected {:.4g}", epoch, all,
                       loss, now.entropies[0], now.latencies[0]);
  }

  const Space& space_;
  const Costs& costs_;
  const search::Images& held_out_;
  SearchOptions options_;
  Random random_;
  learn::TensorDataset data_;
  Supernet net_;
  learn::Optimizer optimizer_;
  std::vector<Weights> weights_;
  std::vector<PlainAdam> adam_;
  ReinforceBaseline baseline_;
};

}  // namespace

const char* name(Mode mode) {
  switch (mode) {
    case Mode::two_path:
      return "two-path";
    case Mode::full:
      return "full";
    case Mode::reinforce:
      return "reinforce";
  }
  return "?";
}

ArchitectureStep architecture_step(Supernet& net, const std::vector<Weights>& weights,
                                   const Costs& costs, const LatencyLoss& latency, Mode mode,
                                   const at::Tensor& images, const at::Tensor& labels,
                                   Random& random) {
  if (mode == Mode::reinforce) throw Error("architecture step", "by reward has no gates");
  ArchitectureStep step;
  const Gates wanted = gates_of(weights, mode, random, step.pairs);
  GateGradients by_gates;
  forget_gradients(net);
  const at::Tensor loss = search::smoothed_loss(net->forward(images, wanted, by_gates), labels);
  loss.backward();
  step.cross_entropy = loss.item<double>();
  step.expected = costs.fixed;
  std::vector<LayerView> views;
  for (size_t l = 0; l < weights.size(); ++l) {
    views.push_back(view_of(weights[l], costs.of.at(l), wanted[l], mode));
    step.expected += expected(views[l].probabilities, views[l].costs);
  }
  const LatencyLoss::Value value = latency(step.cross_entropy, step.expected);
  for (size_t l = 0; l < weights.size(); ++l) {
    Weights by_gate;
    for (size_t i = 0; i < wanted[l].size(); ++i) {
      by_gate.push_back(value.by_cross_entropy * by_gates[l].at(i) +
                        value.by_latency * views[l].costs[i]);
    }
    const Weights own = weight_gradient(views[l].probabilities, by_gate);
    Weights& gradient = step.gradient.emplace_back(weights[l].size(), 0.0);
    for (size_t i = 0; i < wanted[l].size(); ++i) gradient[wanted[l][i]] = own[i];
  }
  return step;
}

SearchResult search_architecture(const Space& space, const Costs& costs,
                                 const search::Images& training, const search::Images& held_out,
                                 const SearchOptions& options,
                                 const std::function<void(const std::string&)>& line) {
  if (options.epochs < 1 || options.warm_up < 0 || options.arch_every < 1 ||
      options.reinforce_samples < 1) {
    throw Error("search", "needs an epoch, an architecture step now and then, and a sample");
  }
  return Search(space, costs, training, held_out, options).run(line);
}

}  // namespace betimes::systems::proxylessnas
