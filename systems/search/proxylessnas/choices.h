#pragma once

#include <string>
#include <vector>

#include "betimes/base/random.h"
#include "systems/search/common/block_net.h"
#include "systems/search/common/latency_table.h"
#include "systems/search/common/phone_table.h"

// The reduced search space: which candidates each layer has, the networks they make, their costs.

namespace betimes::systems::proxylessnas {

/// Candidate of each searchable layer.
using Choice = std::vector<size_t>;

/// For 28 x 28 grey images: stem 3 x 3 to 16 channels with stride 2; stages of 16, 24 and 40
/// channels and strides 1, 2, 2, three layers each; 1 x 1 to 160. Candidates: MBConv with kernel 3,
/// 5, 7 and expansion 3, 6, in this order, and zero where the shape stays.
class Space {
 public:
  Space();
  size_t layers() const { return candidates_.size(); }
  const std::vector<search::Block>& candidates(size_t layer) const { return candidates_.at(layer); }
  static constexpr size_t stages = 3, layers_a_stage = 3;

  /// The network of that choice; throws Error for another length or an unknown candidate. Every
  /// layer is a block of its own, zero ones too, scaled to `width`.
  search::BlockNet net(const Choice& choice, double width = 1) const;
  /// Everything that some choice contains, stem, head and classifier first.
  std::vector<search::Layer> all_layers() const;

  Choice uniform(int kernel, int expansion) const;  // the same candidate everywhere
  Choice random(Random& random) const;              // each layer's evenly

 private:
  search::BlockNet frame_;
  std::vector<std::vector<search::Block>> candidates_;
};

/// What each candidate costs, in milliseconds or whatever is minimised, and what all networks
/// share.
struct Costs {
  std::string name;
  double fixed = 0;
  std::vector<std::vector<double>> of;  // [layer][candidate]; zero costs 0
  double total(const Choice& choice) const;
};

Costs table_costs(const Space& space, const search::LatencyTable& table);
Costs mac_costs(const Space& space);
/// The published table of the ImageNet space, stage by stage: our stages of 16, 24 and 40 channels
/// take the times of its stages of 24, 40 and 80 (input 112, 56 and 28), a layer that changes the
/// shape those of one that does; all times are scaled so that the uniform k3 e6 network takes
/// `uniform_ms`. Our first stage begins with a layer that keeps its shape: it takes the times of
/// one that does.
Costs phone_costs(const Space& space, const search::PhoneTable& table, double uniform_ms);

/// The choice in words: "k3e6 zero k7e3 | ...".
std::string describe(const Space& space, const Choice& choice);

}  // namespace betimes::systems::proxylessnas
