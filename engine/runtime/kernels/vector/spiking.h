#pragma once

#include <cstdint>
#include <vector>

namespace betimes::runtime {

/// Outputs of a spiking layer come in blocks of so many: rows of weights and of membranes are
/// padded with zeros to whole blocks, at every instruction-set level alike.
inline constexpr int64_t spike_block = 16;
inline constexpr int64_t spike_word = 64;

/// What a membrane makes of its current, once a step:
///   u = leak * u + current;  it fires when u > threshold;  then u = to_zero ? 0 : u - drop.
/// threshold >= 0, so that padding never fires. For "u >= x" give the number below x.
struct FiringRule {
  float leak = 1;
  float threshold = 1;
  float drop = 1;
  bool to_zero = false;
};

/// A convolution of a map of spikes, packed as bits: in_words() words a pixel, channel c being bit
/// c % 64 of word c / 64; bits beyond the last channel are zero. A dense layer is one whose kernel
/// covers the map.
struct SpikeConvolution {
  int64_t in_channels = 1, in_height = 1, in_width = 1;
  int64_t out_channels = 1, out_height = 1, out_width = 1;
  int64_t kernel_height = 1, kernel_width = 1;
  int64_t stride = 1, pad = 0;
  const float* weights = nullptr;  // [kernel_height, kernel_width, in_channels, padded()]
  const float* bias = nullptr;     // [padded()]; both aligned to 64 bytes

  int64_t padded() const { return (out_channels + spike_block - 1) / spike_block * spike_block; }
  int64_t in_words() const { return (in_channels + spike_word - 1) / spike_word; }
  int64_t out_words() const { return (out_channels + spike_word - 1) / spike_word; }
  int64_t in_pixels() const { return in_height * in_width; }
  int64_t out_pixels() const { return out_height * out_width; }
};

/// Synapses with a delay each, source by source, in ascending order of their delays: what a spike
/// reaches lies in at most two runs of the ring.
struct DelayedSynapses {
  int64_t slots = 1;                // rows of the ring: the largest delay + 1
  int64_t padded = 0;               // floats in a row
  const int64_t* begin = nullptr;   // [sources + 1]
  const int32_t* offset = nullptr;  // delay * padded + target, ascending within a source
  const float* weight = nullptr;
};

/// The same synapses, at most 32 slots, for looking back instead of sending ahead: which bit of its
/// source's history a target hears.
struct RecalledSynapses {
  int64_t sources = 0;
  int64_t padded = 0;
  const uint32_t* bit = nullptr;  // [sources, padded]: 1 << delay; 0 for no synapse
  const float* weight = nullptr;  // [sources, padded]
};

/// Steps of spiking layers, compiled once for each instruction-set level (spiking.inl). The order
/// in which an output's weights are added depends on the level: sums agree exactly where they are
/// exact (integer weights), else to rounding.
struct SpikingLoops {
  const char* level;
  /// currents[p, o] = bias[o] + the weights of the inputs that fired. Weights of silent inputs are
  /// not read.
  void (*currents)(const SpikeConvolution& layer, const uint64_t* spikes, float* currents);
  /// The same, and what the membranes [out_pixels, padded] make of it, without currents going
  /// through memory. Null membranes: one step from rest, of which nothing is kept.
  void (*step)(const SpikeConvolution& layer, const FiringRule& rule, const uint64_t* spikes,
               float* membranes, uint64_t* out);
  /// Spike by spike: adds a spike's weights to the currents of all outputs that see it.
  void (*scatter)(const SpikeConvolution& layer, const uint64_t* spikes, float* currents);
  /// Currents from real input [in_pixels, in_channels].
  void (*analog)(const SpikeConvolution& layer, const float* input, float* currents);
  /// Membranes and spikes from currents, [pixels, padded]; `words` words of spikes a pixel.
  void (*fire)(const FiringRule& rule, const float* currents, float* membranes, uint64_t* out,
               int64_t pixels, int64_t padded, int64_t words);
  /// What `source` sends at the time of row `now`, `amount` times its weights, into the ring.
  void (*deliver)(const DelayedSynapses& synapses, int64_t source, float amount, int64_t now,
                  float* ring);
  /// currents[o] += amount * the weights whose bit is set in their source's history (bit d: fired
  /// d steps ago).
  void (*recall)(const RecalledSynapses& synapses, const uint32_t* history, float amount,
                 float* currents);
};

/// The loops of the active level.
const SpikingLoops& spiking_loops();
/// Of each level this processor has, lowest first: what tests compare.
std::vector<const SpikingLoops*> all_spiking_loops();

/// Sign bits of a vector, the first the lowest, without the instruction that a level has for it.
template <class Integers>
inline uint64_t signs_one_by_one(Integers x, int64_t width) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < width; ++i) bits |= static_cast<uint64_t>(x[i] < 0) << i;
  return bits;
}

}  // namespace betimes::runtime
