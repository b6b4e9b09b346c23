#include "systems/search/proxylessnas/train_supernet.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/utils.h>

#include <algorithm>
#include <string>

namespace betimes::systems::proxylessnas {
namespace {

/// Sees every allocation that LibTorch's CPU allocator makes on this thread.
class PeakCounter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t change, int64_t, int64_t, c10::Device) override {
    now_ += change;
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t now_ = 0, peak_ = 0;
};

}  // namespace

SupernetImpl::SupernetImpl(const Space& space) {
  const search::BlockNet frame = space.net(space.uniform(3, 3));
  const std::vector<search::Layer> fixed = search::layers(frame);
  const auto make = [&](const std::string& name, const search::Layer& layer) {
    return register_module(name, search::BlockLayer(layer, frame.epsilon));
  };
  stem_ = make("stem", fixed.front());
  for (size_t l = 0; l < space.layers(); ++l) {
    std::vector<search::BlockLayer>& own = candidates_.emplace_back();
    Choice choice = space.uniform(3, 3);
    for (size_t c = 0; c < space.candidates(l).size(); ++c) {
      choice[l] = c;
      own.push_back(make("layer" + std::to_string(l) + "_" + std::to_string(c),
                         search::layers(space.net(choice))[l + 1]));
    }
  }
  last_ = make("last", fixed[fixed.size() - 2]);
  classifier_ = make("classifier", fixed.back());
}

torch::Tensor SupernetImpl::run(size_t layer, size_t candidate, const torch::Tensor& x) {
  return candidates_[layer].at(candidate)->forward(x);
}

torch::Tensor SupernetImpl::head(torch::Tensor x) {
  return classifier_->forward(last_->forward(x));
}

torch::Tensor SupernetImpl::forward(const torch::Tensor& images, const Choice& choice) {
  torch::Tensor x = stem_->forward(images);
  for (size_t l = 0; l < candidates_.size(); ++l) x = run(l, choice.at(l), x);
  return head(x);
}

torch::Tensor SupernetImpl::forward(const torch::Tensor& images, const Gates& wanted,
                                    GateGradients& gradients) {
  gradients.assign(wanted.size(), {});
  torch::Tensor x = stem_->forward(images);
  for (size_t l = 0; l < candidates_.size(); ++l) {
    torch::Tensor y = run(l, wanted.at(l).at(0), x);
    if (y.is_same(x)) y = x.view_as(x);  // zero: a hook of this layer's own
    const torch::Tensor input = x.detach();
    y.register_hook([this, l, input, &wanted, &gradients](const torch::Tensor& by_output) {
      const torch::NoGradGuard no_gradient;
      std::vector<double>& found = gradients[l];
      for (const size_t candidate : wanted[l]) {
        found.push_back(torch::sum(run(l, candidate, input) * by_output).item<double>());
      }
    });
    x = y;
  }
  return head(x);
}

torch::Tensor SupernetImpl::forward_mixture(const torch::Tensor& images,
                                            const std::vector<torch::Tensor>& gates) {
  torch::Tensor x = stem_->forward(images);
  for (size_t l = 0; l < candidates_.size(); ++l) {
    torch::Tensor sum;
    for (size_t c = 0; c < candidates_[l].size(); ++c) {
      const torch::Tensor part = gates.at(l)[static_cast<int64_t>(c)] * run(l, c, x);
      sum = sum.defined() ? sum + part : part;
    }
    x = sum;
  }
  return head(x);
}

int64_t peak_tensor_bytes(const std::function<void()>& work) {
  const auto counter = std::make_shared<PeakCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  work();
  return counter->peak();
}

}  // namespace betimes::systems::proxylessnas
