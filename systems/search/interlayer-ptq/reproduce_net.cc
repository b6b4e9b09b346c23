#include "systems/search/interlayer-ptq/reproduce_net.h"

#include <algorithm>
#include <random>

#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/learn/augment.h"
#include "betimes/learn/hessian.h"
#include "betimes/learn/trace.h"
#include "betimes/measure/latency.h"
#include "betimes/measure/profile.h"
#include "betimes/runtime/session.h"

namespace betimes::systems::interlayer_ptq {
namespace {

graph::Graph traced(NetImpl& net) {
  const learn::Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{net.forward(inputs[0])};
  };
  learn::TraceOptions options;
  options.batch = "";
  options.inputs = {"image"};
  options.outputs = {"logits"};
  return learn::trace(net, forward, {at::rand({1, 1, 28, 28})}, options);
}

/// The graph's node that computes each layer: those that can be lowered come in the same order.
std::vector<std::string> nodes_of(const fit::Variants& variants, size_t layers) {
  if (variants.nodes().size() != layers) {
    throw std::logic_error("the graph has another number of layers than the network");
  }
  return variants.nodes();
}

std::string step_node(const std::string& step, const std::vector<std::string>& nodes) {
  const auto at = std::find(nodes.begin(), nodes.end(), step);
  return at == nodes.end() ? std::string() : *at;
}

}  // namespace

Bench::Bench(Net net, const learn::ImageSplits& data, const BenchImages& images)
    : net_(std::move(net)), data_(data), images_(images) {
  net_->eval();
  net_->fold_norms();
  names_ = net_->layer_names();
}

std::vector<int64_t> Bench::parameters() const {
  std::vector<int64_t> counts;
  for (const auto& layer : net_->layers()) counts.push_back(layer->parameters_of_weight());
  return counts;
}

void Bench::set(const Configuration& bits) {
  for (size_t l = 0; l < bits.size(); ++l) net_->layers()[l]->set_bits(bits[l]);
}

void Bench::calibrate(uint64_t seed) {
  set(Configuration(layers(), 16));
  std::mt19937_64 random(seed);
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < images_.calibration; ++i) {
    chosen.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(data_.train.size())));
  }
  const at::Tensor rows = torch::tensor(chosen);
  calibration_images_ = learn::plain_batch(data_.train.images.index_select(0, rows));
  calibration_labels_ = data_.train.labels.index_select(0, rows);
  const torch::NoGradGuard no_gradient;
  for (const auto& layer : net_->layers()) layer->observe(true);
  const at::Tensor logits = net_->forward(calibration_images_);
  base_loss_ = torch::cross_entropy_loss(logits, calibration_labels_).item<double>();
  for (const auto& layer : net_->layers()) {
    layer->observe(false);
    layer->calibrate({8, 4});
  }
  known_.clear();
  fit::Variants plain(fit::prepare(traced(*net_), {}), {});
  const std::set<std::string> values = fit::observed_values(plain.prepared(), plain.nodes());
  auto seen = fit::observe(plain.prepared(), values, learn::from_torch(calibration_images_), 1);
  variants_ = std::make_unique<fit::Variants>(plain.prepared(), std::move(seen));
  nodes_ = nodes_of(*variants_, layers());
}

double Bench::accuracy(const Configuration& bits) {
  const auto known = known_.find(bits);
  if (known != known_.end()) return known->second;
  set(bits);
  return known_[bits] = hit_rate(*net_, data_.validation, images_.deciding);
}

double Bench::added_loss(const std::vector<size_t>& layers_lowered, int bits) {
  Configuration configuration(layers(), 16);
  for (const size_t layer : layers_lowered) configuration[layer] = bits;
  set(configuration);
  const torch::NoGradGuard no_gradient;
  const at::Tensor logits = net_->forward(calibration_images_);
  return torch::cross_entropy_loss(logits, calibration_labels_).item<double>() - base_loss_;
}

double Bench::test_accuracy(const Configuration& bits) {
  set(bits);
  return hit_rate(*net_, data_.test, data_.test.size());
}

fit::Assignment Bench::assignment(const Configuration& bits, bool bf16) const {
  fit::Assignment made;
  for (size_t l = 0; l < bits.size(); ++l) {
    if (bits[l] < 16) {
      made.lowered[nodes_[l]] = fit::Precision::int8;
    } else if (bf16) {
      made.lowered[nodes_[l]] = fit::Precision::bf16;
    }
  }
  return made;
}

std::vector<Bench::Cost> Bench::latencies(const std::vector<Configuration>& configurations,
                                          bool bf16, double seconds, uint64_t seed) {
  std::vector<runtime::Session> sessions;
  for (const Configuration& bits : configurations) {
    sessions.emplace_back(variants_->compile(assignment(bits, bf16)));
  }
  std::vector<std::function<void()>> runs;
  std::vector<runtime::Session*> pointers;
  for (runtime::Session& session : sessions) {
    runs.emplace_back([&session] { session.run(); });
    pointers.push_back(&session);
  }
  const PinnedTeam team(1);
  measure::Options how;
  how.max_seconds = seconds;
  how.max_runs = 4000;
  const auto found = measure::measure_interleaved(runs, how, seed);
  const auto profiles = measure::profile_interleaved(pointers, 100, seed);
  std::vector<Cost> costs;
  for (size_t i = 0; i < configurations.size(); ++i) {
    Cost cost{found[i].p50.value, found[i].p50.value};
    for (const measure::StepTime& step : profiles[i].steps) {
      const std::string node = step_node(step.name, nodes_);
      if (node.empty()) continue;
      const auto layer =
          static_cast<size_t>(std::find(nodes_.begin(), nodes_.end(), node) - nodes_.begin());
      if (configurations[i][layer] == 4) cost.modelled_ms -= step.median_ms / 2;
    }
    costs.push_back(cost);
  }
  return costs;
}

HessianScores hessian_scores(Bench& bench, int bits, int draws, uint64_t seed) {
  bench.added_loss({}, 16);  // everything as trained
  std::vector<at::Tensor> weights, errors;
  for (const auto& layer : bench.net().layers()) {
    weights.push_back(layer->weight());
    errors.push_back(layer->rounding_error(bits));
  }
  const learn::ImageDataset& set = bench.data().train;
  const at::Tensor images = learn::plain_batch(set.images.slice(0, 0, bench.images().hessian));
  const at::Tensor labels = set.labels.slice(0, 0, bench.images().hessian);
  const learn::Hessian hessian(
      [&] { return torch::cross_entropy_loss(bench.net().forward(images), labels); }, weights);
  const learn::Trace trace = learn::hutchinson_trace(hessian, weights, draws, seed);
  HessianScores scores;
  double diagonal = 0, off = 0;
  for (size_t l = 0; l < weights.size(); ++l) {
    const double squares = errors[l].square().sum().item<double>();
    scores.own.push_back(0.5 * trace.of_parameter[l] / static_cast<double>(weights[l].numel()) *
                         squares);
    std::vector<at::Tensor> v;
    for (size_t m = 0; m < weights.size(); ++m) {
      v.push_back(m == l ? errors[l] : at::zeros_like(errors[m]));
    }
    const std::vector<at::Tensor> row = hessian.times(v);
    double sum = 0;
    for (size_t m = 0; m < weights.size(); ++m) {
      const double entry = std::abs((row[m] * errors[m]).sum().item<double>());
      (m == l ? diagonal : sum) += entry;
    }
    off += sum;
    scores.cross.push_back(sum);
  }
  scores.off_diagonal = off / (off + diagonal);
  return scores;
}

}  // namespace betimes::systems::interlayer_ptq
