#include "bench/cost/moments.h"

#include <algorithm>
#include <cmath>

#include "betimes/cost/cost_model.h"

namespace betimes::bench {
namespace {

constexpr size_t folds = 4;
constexpr double most = 0.5;  // of a logarithm, that is taken off

bool made(const MeasuredNet& net) {
  return net.family != "real" && net.family != "reference" && !net.kernels.empty();
}

/// By how much the network's kernels are slower than the model has them: a mean of logarithms.
double excess(const MeasuredNet& net, const cost::CostModel& model, const cost::Device& device) {
  double sum = 0;
  double weights = 0;
  for (const cost::KernelTime& kernel : net.kernels) {
    const auto expected = model.predict(kernel, device);
    if (!expected) continue;
    sum += kernel.ms * std::log(kernel.ms / *expected);
    weights += kernel.ms;
  }
  return weights > 0 ? sum / weights : 0;
}

}  // namespace

void take_off_bad_moments(Samples& samples, const TrainOptions& options) {
  std::vector<double> slower(samples.nets.size());
  for (size_t fold = 0; fold < folds; ++fold) {
    std::vector<Lesson> lessons;
    for (size_t i = 0; i < samples.nets.size(); ++i) {
      if (i % folds == fold || !made(samples.nets[i])) continue;
      for (const cost::KernelTime& kernel : samples.nets[i].kernels) {
        lessons.push_back(lesson(samples.device, kernel, samples.nets[i].p50));
      }
    }
    if (lessons.empty()) return;
    const auto model = cost::learned_kernels(
        cost::BoostedTrees::parse(train_kernels(lessons, options), "trees of a fold"));
    for (size_t i = fold; i < samples.nets.size(); i += folds) {
      if (made(samples.nets[i])) slower[i] = excess(samples.nets[i], *model, samples.device);
    }
  }
  for (size_t i = 0; i < samples.nets.size(); ++i) {
    const double factor = std::exp(-std::clamp(slower[i], 0.0, most));
    samples.nets[i].p50 *= factor;
    for (cost::KernelTime& kernel : samples.nets[i].kernels) kernel.ms *= factor;
  }
}

}  // namespace betimes::bench
