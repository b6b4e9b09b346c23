#include "betimes/learn/training.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "betimes/learn/checkpoint.h"

namespace betimes::learn {
namespace {

using Weights = std::map<std::string, betimes::Tensor>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

/// Averaged weights (Polyak and Juditsky 1992, with exponential forgetting); buffers are taken as
/// they are.
class Average {
 public:
  Average(torch::nn::Module& module, double decay) : module_(module), decay_(decay) {
    for (const at::Tensor& parameter : module.parameters()) {
      means_.push_back(parameter.detach().clone());
    }
  }
  void update(int64_t step) {
    const torch::NoGradGuard no_gradient;
    // The first steps would otherwise hang on the initial weights.
    const double count = static_cast<double>(step);
    const double decay = std::min(decay_, (1 + count) / (10 + count));
    size_t i = 0;
    for (const at::Tensor& parameter : module_.parameters()) {
      means_[i].mul_(decay).add_(parameter.detach(), 1 - decay);
      ++i;
    }
  }
  /// The module's own weights for the averaged ones, and back.
  void swap() {
    const torch::NoGradGuard no_gradient;
    size_t i = 0;
    for (at::Tensor& parameter : module_.parameters()) {
      const at::Tensor held = parameter.detach().clone();
      parameter.copy_(means_[i]);
      means_[i++].copy_(held);
    }
  }
  Weights tensors() {
    swap();
    Weights found = module_tensors(module_);
    swap();
    return found;
  }
  void load(const Weights& weights) {
    const Weights own = module_tensors(module_);
    load_module(module_, weights);
    for (size_t i = 0; i < means_.size(); ++i) means_[i] = module_.parameters()[i].detach().clone();
    load_module(module_, own);
  }

 private:
  torch::nn::Module& module_;
  double decay_;
  std::vector<at::Tensor> means_;
};

/// One run on its way.
class Run {
 public:
  Run(torch::nn::Module& module, const Dataset& data, const Objective& objective,
      const TrainingOptions& options)
      : module_(module),
        objective_(objective),
        options_(options),
        loader_(data, {options.batch, options.seed, true, data.size() >= options.batch}),
        optimizer_(module, options.optimizer),
        plateau_(options.plateau) {
    if (options.epochs < 1) throw Error("training", "needs at least one epoch");
    if (!(options.ema >= 0 && options.ema < 1)) throw Error("training", "ema isn't in [0, 1)");
    if (options.ema > 0) average_.emplace(module, options.ema);
  }

  Trained run(const std::function<void(const Epoch&)>& report) {
    const auto begun = Clock::now();
    if (options_.resume && std::filesystem::exists(options_.checkpoint)) load();
    const int first = trained_.epochs + 1;
    for (int number = first; number <= options_.epochs && !stopped(); ++number) {
      const auto epoch_begun = Clock::now();
      Epoch epoch = one_epoch(number);
      epoch.seconds = seconds_since(epoch_begun);
      epoch.seconds_left = seconds_since(begun) / (number - first + 1) * (options_.epochs - number);
      if (!options_.checkpoint.empty()) save();
      report(epoch);
    }
    if (options_.keep_best && !best_.empty()) {
      load_module(module_, best_);
    } else if (average_) {
      average_->swap();
    }
    trained_.seconds = seconds_since(begun);
    return trained_;
  }

 private:
  bool stopped() const {
    return options_.patience > 0 && trained_.epochs - trained_.best_epoch >= options_.patience;
  }

  Epoch one_epoch(int number) {
    Epoch epoch;
    epoch.number = number;
    epoch.epochs = options_.epochs;
    epoch.seed = options_.seed;
    // Dropout of a resumed run is that of an unbroken one.
    torch::manual_seed(options_.seed * 1'000'003 + static_cast<uint64_t>(number));
    module_.train();
    double sum = 0;
    int64_t step = (number - 1) * loader_.steps();
    const double all = static_cast<double>(loader_.steps() * options_.epochs);
    loader_.epoch(number, [&](const Batch& batch) {
      const double factor =
          options_.schedule(static_cast<double>(step) / all) * (plateau_ ? plateau_->factor() : 1);
      epoch.rate = options_.optimizer.rate * factor;
      optimizer_.set_factor(factor);
      optimizer_.zero_grad();
      const at::Tensor loss = objective_.loss(batch);
      loss.backward();
      if (options_.clip_norm > 0) optimizer_.clip(options_.clip_norm);
      optimizer_.step();
      if (objective_.after_step) {
        const torch::NoGradGuard no_gradient;
        objective_.after_step();
      }
      ++step;
      if (average_) average_->update(step);
      sum += loss.item<double>();
    });
    epoch.loss = sum / static_cast<double>(loader_.steps());
    if (!std::isfinite(epoch.loss)) {
      throw Error("training", "diverged: the loss isn't finite", "a lower rate");
    }
    trained_.epochs = number;
    validate(epoch);
    return epoch;
  }

  void validate(Epoch& epoch) {
    if (average_) average_->swap();
    if (objective_.score) {
      const torch::NoGradGuard no_gradient;
      module_.eval();
      epoch.score = objective_.score();
      if (plateau_) plateau_->observe(*epoch.score);
    }
    if (trained_.best_epoch == 0 || !epoch.score || *epoch.score > trained_.best) {
      trained_.best = epoch.score.value_or(0);
      trained_.best_epoch = epoch.number;
      best_ = module_tensors(module_);
    }
    if (epoch.score) epoch.best = trained_.best;
    if (average_) average_->swap();
  }

  void save() {
    Weights all;
    put_below("module/", module_tensors(module_), all);
    put_below("best/", best_, all);
    put_below("optimizer/", optimizer_.state(), all);
    if (average_) put_below("average/", average_->tensors(), all);
    all["best_score"] = betimes::Tensor::scalar(trained_.best);
    if (plateau_) all["plateau"] = betimes::Tensor::from<double>({4}, plateau_->state());
    import::write_safetensors(options_.checkpoint.string(), all,
                              {{"epoch", std::to_string(trained_.epochs)},
                               {"best_epoch", std::to_string(trained_.best_epoch)},
                               { "seed",
                                 std::to_string(options_.seed) }});
  }

  void load() {
    const std::string path = options_.checkpoint.string();
    const Weights all = import::read_safetensors(path);
    const auto metadata = import::read_safetensors_metadata(path);
    try {
      if (metadata.at("seed") != std::to_string(options_.seed)) {
        throw Error(path, "was trained with seed " + metadata.at("seed"), "that seed to resume");
      }
      load_module(module_, below("module/", all));
      optimizer_.load_state(below("optimizer/", all));
      if (average_) average_->load(below("average/", all));
      best_ = below("best/", all);
      trained_.best = all.at("best_score").data<double>()[0];
      if (plateau_) {
        const auto state = all.at("plateau").data<double>();
        plateau_->load_state({state.begin(), state.end()});
      }
      trained_.epochs = std::stoi(metadata.at("epoch"));
      trained_.best_epoch = std::stoi(metadata.at("best_epoch"));
    } catch (const std::logic_error&) {  // a key or a number that isn't there
      throw Error(path, "isn't a checkpoint of training");
    }
  }

  torch::nn::Module& module_;
  const Objective& objective_;
  const TrainingOptions& options_;
  Loader loader_;
  Optimizer optimizer_;
  std::optional<Plateau> plateau_;
  std::optional<Average> average_;
  Weights best_;
  Trained trained_;
};

}  // namespace

std::string to_string(const Epoch& epoch) {
  const int left = static_cast<int>(epoch.seconds_left);
  const std::string validated = epoch.score
                                    ? fmt::format("score {:.4f} (best {:.4f})  ", *epoch.score,
                                                  epoch.best.value_or(*epoch.score))
                                    : "";
  return fmt::format("epoch {:3}/{}  seed {}  rate {:.3g}  loss {:.4f}  {}{:.1f} s, {}:{:02} left",
                     epoch.number, epoch.epochs, epoch.seed, epoch.rate, epoch.loss, validated,
                     epoch.seconds, left / 60, left % 60);
}

Trained train(torch::nn::Module& module, const Dataset& data, const Objective& objective,
              const TrainingOptions& options, const std::function<void(const Epoch&)>& report) {
  return Run(module, data, objective, options).run(report);
}

}  // namespace betimes::learn
