#include <fmt/format.h>
#include <torch/utils.h>

#include <chrono>

#include "betimes/base/statistics.h"
#include "systems/search/proxylessnas/reproduce_parts.h"

namespace betimes::systems::proxylessnas {
namespace {

struct Step {
  std::string name;
  std::function<void()> run;
  std::vector<double> bytes, seconds;
};

/// Steps on the same images, forward and backward; gradients are dropped afterwards.
class Steps {
 public:
  Steps(const Space& space, uint64_t seed, int64_t batch)
      : space_(space),
        random_(seed),
        net_(space),
        images_(torch::rand({batch, 1, 28, 28})),
        labels_(torch::randint(10, {batch}, torch::kLong)) {
    for (size_t l = 0; l < space.layers(); ++l) weights_.emplace_back(space.candidates(l).size());
  }

  void single() { finish(net_->forward(images_, space_.random(random_))); }
  void gated(Mode mode) {
    architecture_step(net_, weights_, mac_costs(space_), {}, mode, images_, labels_, random_);
    forget();
  }
  void mixture() {
    std::vector<torch::Tensor> gates;
    for (const Weights& own : weights_) {
      const auto n = static_cast<int64_t>(own.size());
      gates.push_back(torch::softmax(torch::zeros({n}, torch::requires_grad()), 0));
    }
    finish(net_->forward_mixture(images_, gates));
  }

 private:
  void finish(const torch::Tensor& logits) {
    search::smoothed_loss(logits, labels_).backward();
    forget();
  }
  void forget() {
    for (at::Tensor& parameter : net_->parameters()) parameter.mutable_grad().reset();
  }

  const Space& space_;
  Random random_;
  Supernet net_;
  torch::Tensor images_, labels_;
  std::vector<Weights> weights_;
};

double mean_ratio(const Step& step, const Step& to) { return mean(step.bytes) / mean(to.bytes); }

}  // namespace

void check_memory(system::Study& study, const Space& space) {
  torch::manual_seed(study.seed());
  const int64_t batch = study.quick() ? 16 : 64;
  Steps run(space, study.seed(), batch);
  std::vector<Step> all = {{"one path (weight step)", [&] { run.single(); }, {}, {}},
                           {"two paths", [&] { run.gated(Mode::two_path); }, {}, {}},
                           {"full", [&] { run.gated(Mode::full); }, {}, {}},
                           {"mixture of all paths (DARTS)", [&] { run.mixture(); }, {}, {}}};
  for (int round = 0; round < (study.quick() ? 5 : 40); ++round) {
    for (Step& step : all) {
      const auto begun = std::chrono::steady_clock::now();
      const int64_t bytes = peak_tensor_bytes(step.run);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      if (round == 0) continue;  // the libraries' own caches
      step.bytes.push_back(static_cast<double>(bytes));
      step.seconds.push_back(took.count());
    }
  }
  system::Table table{fmt::format("One gradient step on {} images: tensors alive at once, "
                                  "parameters not counted",
                                  batch),
                      {"step", "MB", "x one path", "ms"},
                      {}};
  for (const Step& step : all) {
    table.rows.push_back(
        {step.name, mean(step.bytes) * 1e-6, mean_ratio(step, all[0]), 1e3 * median(step.seconds)});
  }
  study.table(std::move(table));
  const auto ratio = [&](const Step& step) {
    system::Estimate found;
    found.value = mean_ratio(step, all[0]);
    found.samples = static_cast<int64_t>(step.bytes.size());
    return found;
  };
  study.evidence("memory-two-path", ratio(all[1]));
  study.evidence("memory-mixture", ratio(all[3]));
}

}  // namespace betimes::systems::proxylessnas
