#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "systems/search/common/train_blocks.h"
#include "systems/search/mnasnet/named.h"
#include "systems/search/mnasnet/reproduce_parts.h"

namespace betimes::systems::mnasnet {

void check_named(system::Study& study) {
  constexpr double million = 1e6;
  double worst = 0;
  system::Table table{"Named networks, built here",
                      {"network", "parameters (M)", "published", "MACs (M)", "published"},
                      {}};
  for (const NamedNet& named : named_nets()) {
    search::BlockModel model(named.net);
    int64_t count = 0;
    for (const at::Tensor& parameter : model->parameters()) count += parameter.numel();
    const double built = static_cast<double>(count) / million;
    const double macs = static_cast<double>(search::macs(named.net)) / million;
    worst = std::max(worst, std::abs(built / named.parameters - 1));
    if (named.macs > 0) worst = std::max(worst, std::abs(macs / named.macs - 1));
    table.rows.push_back({named.name, built, named.parameters, macs,
                          named.macs > 0 ? system::Cell(named.macs) : system::Cell("-")});
  }
  system::Estimate found;
  found.value = 100 * worst;
  study.evidence("named-sizes", found);
  study.table(std::move(table));
}

}  // namespace betimes::systems::mnasnet

namespace betimes::system {

void mnasnet_reproduce(Study& study) {
  using namespace systems::mnasnet;
  torch::set_num_threads(study.threads());
  study.not_shown("imagenet", "ImageNet can't be trained on here, and there is no Pixel phone.");
  check_named(study);
  search_published(study);
  search_nasbench(study);
  search_own(study);
  study.note(
      "The published oracle's accuracies are a predictor's, for subnets of a supernet that shares "
      "weights; its latencies are sums of a table.");
  study.note(
      "The controller's sizes aren't published: LSTM 64, embedding 32, PPO with clip 0.2, 4 "
      "epochs, Adam 2e-3, batch 32, advantages over the batch's deviation, entropy 0.2 of them "
      "(chosen with two "
      "other seeds on the published oracle; for NAS-Bench-201 on three other devices).");
}

}  // namespace betimes::system
