#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// A network as hls4ml gets it for synthesis, and what synthesis makes of it (wa-hls4ml, November
// 2025).

namespace betimes::systems::wa_hls4ml {

// In the order of the one-hot features.
enum class LayerType {
  activation,
  dense,
  conv1d,
  conv2d,
  separable_conv1d,
  separable_conv2d,
  depthwise_conv1d,
  depthwise_conv2d,
  flatten,
  max_pooling,
  average_pooling,
  batch_normalization
};
enum class Activation { none, linear, relu, tanh, sigmoid, softmax };
enum class Padding { none, valid, same };
enum class Strategy { latency, resource };  // hls4ml unrolls all, or reuses multipliers
enum class Io { parallel, stream };
const char* name(Strategy strategy);
const char* name(LayerType type);

constexpr int64_t absent = -1;  // of a number that a layer doesn't have

struct Layer {
  std::array<int64_t, 3> in = {absent, absent, absent}, out = {absent, absent, absent};
  int64_t precision = absent;  // bits of a fixed-point number, 1 to 32
  int64_t reuse = absent;      // multiplications that one multiplier does
  LayerType type = LayerType::dense;
  Activation activation = Activation::none;
  int64_t filters = absent, kernel = absent, stride = absent, pooling = absent;
  Padding padding = Padding::none;

  bool operator==(const Layer&) const = default;
};

struct Network {
  std::vector<Layer> layers;  // in the order that data flows
  Strategy strategy = Strategy::resource;
  Io io = Io::parallel;
};

constexpr size_t most_layers = 51;
constexpr int64_t lowest_precision = 1, highest_precision = 32;

/// Throws Error naming `where` and the layer for none or more than 51 layers, sizes and other
/// numbers below 1 that aren't absent, a precision that is absent or outside of 1..32.
void check(const Network& network, const std::string& where);

/// Rows of the benchmark's 18 numbers: d_in1..3, d_out1..3, prec, rf, strategy, layer type,
/// activation, filters, kernel, stride, padding, pooling, batchnorm, io type; -1 where a layer has
/// no such number, -1 everywhere after the last layer. Categories count from 0 in the order above.
/// Throws Error for other widths, unknown categories, padding between layers, layers that differ in
/// strategy or io type, numbers that aren't whole, and as check() does.
Network parse_rows(std::span<const double> numbers, const std::string& where);
constexpr size_t raw_width = 18;

/// Dense layers of `sizes` (inputs, hidden..., outputs), each with the valid reuse factor that is
/// closest to the requested one. Throws Error for fewer than two sizes and as check() does.
Network dense_chain(std::span<const int64_t> sizes, int64_t precision, int64_t requested_reuse,
                    Strategy strategy = Strategy::resource);

/// "16-64-32": inputs and outputs of all layers.
std::string sizes_text(const Network& network);

// What is predicted, in this order everywhere.
enum class Target { cycles, ff, lut, bram, dsp, interval };
constexpr size_t targets = 6;
/// "cycles", "FF", "LUT", "BRAM", "DSP", "II".
const char* name(Target target);
constexpr std::array<Target, targets> all_targets = {Target::cycles, Target::ff,  Target::lut,
                                                     Target::bram,   Target::dsp, Target::interval};

/// By Target: worst latency in clock cycles, flip-flops, lookup tables, BRAM blocks of 18 kbit, DSP
/// blocks, initiation interval in cycles.
using Costs = std::array<double, targets>;
inline double of(const Costs& costs, Target target) { return costs[static_cast<size_t>(target)]; }
inline double& of(Costs& costs, Target target) { return costs[static_cast<size_t>(target)]; }

/// A network and what came out of its synthesis.
struct Sample {
  Network network;
  std::optional<Costs> costs;  // nullopt: it didn't synthesise
  bool measured = false;       // by the tool; else generated
};

/// Samples with the same key are near-duplicates: the same sizes and precision, or reuse factors
/// that are rounded to the same valid one. A split keeps them on one side.
std::string duplicate_key(const Network& network);

}  // namespace betimes::systems::wa_hls4ml
