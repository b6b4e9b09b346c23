#pragma once

#include <array>
#include <span>
#include <vector>

#include "systems/hardware/wa-hls4ml/network.h"

namespace betimes::systems::wa_hls4ml {

constexpr size_t numerics = 12;      // standardised: d_in1..3, d_out1..3, precision, reuse factor,
                                     // filters, kernel, stride, pooling
constexpr size_t row_width = 33;     // and one-hot: 12 layer types, 6 activations, 3 paddings
constexpr size_t context_width = 4;  // one-hot strategy and io type of the whole network
constexpr size_t average_width = row_width + context_width + 1;
constexpr size_t log_width = 10;

/// Mean and standard deviation of the numbers of a layer, of the training part.
struct FeatureStats {
  std::array<double, numerics> mean{}, deviation{};
};
/// Over all layers of all networks; absent numbers are read as 0. Throws Error for no networks.
FeatureStats fit_features(std::span<const Sample> samples);

/// [layers, 33], one row a layer.
std::vector<float> layer_rows(const Network& network, const FeatureStats& stats);
/// latency, resource, parallel, stream.
std::array<float, context_width> context(const Network& network);
/// A whole network in one row: its layers' mean row, its context, and how many layers it has.
std::vector<float> average_row(const Network& network, const FeatureStats& stats);
/// For trees and linear regression: logarithms of the number of layers and of means over layers
/// (inputs, outputs, reuse factor, products, multipliers), of the greatest number of multipliers;
/// the mean precision, strategy and io type.
std::array<double, log_width> log_row(const Network& network);

/// How costs become numbers to regress: y = (log(t + shift) - mean) / deviation.
enum class LabelScale {
  log1p,       // shift 1
  shifted_log  // the paper's: 0, or 1e-6 and the least value's size where one isn't above 0
};
const char* name(LabelScale scale);

struct LabelStats {
  Costs shift{}, mean{}, deviation{};

  std::array<float, targets> normalise(const Costs& costs) const;
  /// The inverse; never below 0.
  Costs restore(std::span<const float> normalised) const;
};
/// Of the samples that synthesised. Throws Error when none did.
LabelStats fit_labels(std::span<const Sample> samples, LabelScale scale);

}  // namespace betimes::systems::wa_hls4ml
