#include "systems/search/mnasnet/train_own.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <set>

namespace betimes::systems::mnasnet {
namespace {

constexpr double least_accuracy = 0.001;  // the reward takes none of 0

std::vector<Trial> distinct_by_reward(std::vector<Trial> trials) {
  std::stable_sort(trials.begin(), trials.end(),
                   [](const Trial& a, const Trial& b) { return a.reward > b.reward; });
  std::set<Tokens> seen;
  std::erase_if(trials, [&](const Trial& trial) { return !seen.insert(trial.tokens).second; });
  return trials;
}

}  // namespace

double retrained_accuracy(const search::BlockNet& net, const search::Images& training,
                          const search::Images& scored, int epochs, uint64_t seed) {
  torch::manual_seed(seed);
  search::BlockModel model(net);
  search::ImageTraining how;
  how.epochs = epochs;
  how.seed = seed;
  search::train_images(model, training, how);
  return search::image_accuracy(model, scored);
}

OwnSearch search_end_to_end(const search::Images& training, const search::Images& held_out,
                            const OwnSearchOptions& options,
                            const std::function<void(const std::string&)>& line) {
  const search::BlockNet baseline = mobilenet_like(1);
  search::TimingOptions timing;
  timing.seconds = options.seconds_a_timing;
  timing.seed = options.seed;
  OwnSearch found;
  found.baseline_ms = search::time_nets({baseline}, timing)[0].ms;
  found.target_ms = found.baseline_ms / options.faster;
  int count = 0;
  CachedJudge judge([&](const Tokens& tokens) {
    const search::BlockNet net = own_net(options.sharing, tokens);
    // Training seeds torch's generator; the controller's own draws must not follow from it.
    const at::Generator generator = at::detail::getDefaultCPUGenerator();
    const at::Tensor state = generator.get_state();
    const auto times = search::time_nets({net, baseline}, timing);
    Judged judged;
    judged.ms = found.baseline_ms * times[0].ms / times[1].ms;
    judged.macs = static_cast<double>(search::macs(net));
    judged.accuracy =
        std::max(least_accuracy, retrained_accuracy(net, training, held_out, options.proxy_epochs,
                                                    options.seed + static_cast<uint64_t>(count)));
    at::Generator(generator).set_state(state);
    line(fmt::format("net {:3}: accuracy {:.4f}, {:.3f} ms ({:.2f} M MACs)  {}", ++count,
                     judged.accuracy, judged.ms, judged.macs * 1e-6, search::describe(net)));
    return judged;
  });
  ControllerOptions controller;
  controller.samples = options.nets;
  controller.batch = options.batch;
  controller.seed = options.seed;
  controller.rate = 1e-2;  // a dozen updates are all there are
  found.trials = distinct_by_reward(controller_search(
      own_space(options.sharing), [&](const Tokens& tokens) { return judge(tokens); },
      {found.target_ms, options.alpha, options.beta}, Cost::latency, controller));
  return found;
}

}  // namespace betimes::systems::mnasnet
