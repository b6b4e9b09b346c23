#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "systems/hardware/common/boosting.h"
#include "systems/hardware/wa-hls4ml/network.h"

// Synthetic chains of dense layers (data C): what they cost follows a law and a fit to single
// layers, not a synthesis.

namespace betimes::systems::wa_hls4ml {

struct Cycles {
  int64_t best = 0, worst = 0, interval = 0;
};
/// Latency of dense layers in a row with the resource strategy: best = sum of the reuse factors
/// + 2 L - 1, worst = best + L. The interval is the best latency, and of one layer its reuse
/// factor. Found on synthesised nets of one to three layers; where nothing is reused it doesn't
/// hold.
Cycles chain_cycles(std::span<const int64_t> reuse);

/// What one dense layer with the resource strategy takes of an FPGA, and whether it synthesises.
class LayerModel {
 public:
  virtual ~LayerModel() = default;
  /// Of FF, LUT, BRAM and DSP, from 0; cycles and interval are the law's.
  virtual double cost(Target target, const Layer& layer) const = 0;
  /// Probability in (0, 1).
  virtual double success(const Layer& layer) const = 0;
};

/// Boosted trees for the costs and a logistic rule for success, fitted to single layers that were
/// synthesised with the resource strategy. Throws Error for samples without such.
std::unique_ptr<LayerModel> fit_layers(std::span<const Sample> samples);
/// Round figures without any data behind them, for where none is: proportional to multipliers and
/// bits.
std::unique_ptr<LayerModel> plain_layers();

struct ChainOptions {
  size_t count = 20'000;
  uint64_t seed = 1;
  double noise = 0.03;  // standard deviation of the costs' logarithm
};
/// Chains of 1 to 6 layers: sizes that are multiples of 4 from 8 to 128, small ones as often as
/// large ones, 2 to 16 bits, a requested reuse factor from 8 to 4096; costs are sums over layers
/// times the noise, rounded. A chain fails where one of its layers does. None is an exemplar.
std::vector<Sample> make_chains(const LayerModel& layers, const ChainOptions& options);

/// Networks of applications, which make_chains() never draws: their sizes.
std::vector<std::vector<int64_t>> exemplar_sizes();
/// Each at 2, 4, ..., 16 bits and nine requested reuse factors, by the same law and noise.
std::vector<Sample> make_exemplars(const LayerModel& layers, uint64_t seed, double noise = 0.03);

}  // namespace betimes::systems::wa_hls4ml
