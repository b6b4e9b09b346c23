#include "systems/hardware/preroutgnn/train_autoencoder.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr auto features = static_cast<int64_t>(node_feature_count);
constexpr auto level_width = static_cast<int64_t>(level_feature_count);

/// Graphs by number: a step looks them up.
class Numbers : public learn::Dataset {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64&) const override {
    return {{chosen}, chosen};
  }

 private:
  int64_t size_;
};

}  // namespace

const char* name(ArrivalUnit unit) { return unit == ArrivalUnit::of_step ? "step" : "delay"; }

void check(const Training& how) {
  const auto refuse = [](const char* what, double value, const char* right) {
    throw Error(what, fmt::format("is {}", value), right);
  };
  if (how.epochs < 1) refuse("epochs", how.epochs, "1 at least");
  if (how.batch < 1) refuse("batch", static_cast<double>(how.batch), "1 at least");
  if (!(how.rate > 0)) refuse("rate", how.rate, "above 0");
  if (!(how.clip > 0)) refuse("clip", how.clip, "above 0");
  if (!(how.ema >= 0 && how.ema < 1)) refuse("ema", how.ema, "0 to less than 1");
  if (!(how.divergence >= 0)) refuse("divergence", how.divergence, "0 at least");
  if (how.most_pins < 0) refuse("block_pins", static_cast<double>(how.most_pins), "0 at least");
  if (how.halo < 0) refuse("halo", static_cast<double>(how.halo), "0 at least");
  if (how.most_pins > 0 && !how.teacher_forcing) {
    // A block doesn't hold the paths from level 0 on that predicted states would come by.
    throw Error("teacher_forcing", "is off for blocks", "on, or block_pins=0");
  }
}

AutoencoderImpl::AutoencoderImpl(const ModelOptions& options)
    : encoder_(register_module("encoder", Coder(features + level_width, options.latent, options))),
      decoder_(register_module("decoder", Coder(options.latent, features, options))) {}

at::Tensor AutoencoderImpl::encode(const GraphTensors& graph) {
  return encoder_(at::cat({graph.nodes, graph.levels}, 1), graph);
}

at::Tensor AutoencoderImpl::loss(const GraphTensors& graph, double divergence) {
  const at::Tensor latent = encode(graph);
  const at::Tensor apart = (decoder_(latent, graph) - graph.nodes).index_select(0, graph.own_pins);
  at::Tensor found = apart.square().mean();
  if (divergence > 0) {
    const at::Tensor mean = latent.mean(0), variance = latent.var(0, false) + 1e-8;
    found = found + 0.5 * divergence * (variance + mean.square() - 1 - variance.log()).sum();
  }
  return found;
}

std::vector<GraphTensors> make_graphs(std::span<const Circuit> circuits,
                                      std::span<const Arc> library, const Statistics& statistics,
                                      const ModelOptions& options, int64_t most_pins,
                                      int64_t halo) {
  std::vector<GraphTensors> found;
  for (const Circuit& circuit : circuits) {
    if (most_pins == 0 || static_cast<int64_t>(circuit.pins()) <= most_pins) {
      found.push_back(make_graph(circuit, library, statistics, options));
      continue;
    }
    for (const Block& block : partition(circuit, most_pins, halo)) {
      found.push_back(make_graph(circuit, block, library, statistics, options));
    }
  }
  return found;
}

learn::Trained fit_graphs(torch::nn::Module& module, const std::vector<GraphTensors>& graphs,
                          const std::function<at::Tensor(const GraphTensors&)>& loss,
                          const std::function<double()>& score, const Training& how,
                          const EpochReport& report) {
  check(how);
  const Numbers numbers(static_cast<int64_t>(graphs.size()));
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    const at::Tensor& chosen = batch.targets;
    at::Tensor sum;
    for (int64_t i = 0; i < chosen.size(0); ++i) {
      const at::Tensor one = loss(graphs[static_cast<size_t>(chosen[i].item<int64_t>())]);
      sum = sum.defined() ? sum + one : one;
    }
    return sum / chosen.size(0);
  };
  objective.score = [&] {
    const torch::NoGradGuard no_gradient;
    module.eval();
    const double found = score();
    // Predicted states can still run away in the first epochs; that is a bad score, not an error.
    return std::isfinite(found) ? std::max(found, -1e6) : -1e6;
  };
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.seed = how.seed;
  options.batch = std::min(how.batch, numbers.size());
  options.optimizer.kind = learn::OptimizerOptions::Kind::adam;
  options.optimizer.rate = how.rate;
  if (how.fall) options.schedule = learn::cosine(0, 1, 0.05);
  options.clip_norm = how.clip;
  options.ema = how.ema;
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  return learn::train(module, numbers, objective, options, [&](const learn::Epoch& epoch) {
    if (report) report(epoch);
  });
}

Autoencoder train_autoencoder(std::span<const Circuit> training,
                              std::span<const Circuit> validation, std::span<const Arc> library,
                              const Statistics& statistics, const ModelOptions& options,
                              const Training& how, const EpochReport& report) {
  check(options);
  if (options.latent == 0) throw Error("auto-encoder", "has a latent of 0", "1 at least");
  if (training.empty() || validation.empty()) {
    throw Error("auto-encoder", "has no design to learn from, or none to choose an epoch by");
  }
  torch::manual_seed(how.seed);
  Autoencoder model(options);
  const auto graphs = make_graphs(training, library, statistics, options, how.most_pins, how.halo);
  const auto held_out = make_graphs(validation, library, statistics, options, 0, 0);
  fit_graphs(
      *model, graphs, [&](const GraphTensors& graph) { return model->loss(graph, how.divergence); },
      [&] {
        double sum = 0;
        for (const GraphTensors& graph : held_out) sum += model->loss(graph, 0).item<double>();
        return -sum / static_cast<double>(held_out.size());
      },
      how, report);
  return model;
}

}  // namespace betimes::systems::preroutgnn
