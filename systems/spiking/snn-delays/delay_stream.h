#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "betimes/runtime/kernels/vector/spiking.h"
#include "systems/spiking/snn-delays/delay_net.h"
#include "systems/spiking/snn-delays/spike_trains.h"

namespace betimes::systems::snn_delays {

/// How currents are computed. The spikes are the same, up to rounding of sums.
/// - events: a spike sends its weights ahead, into a ring of the bins to come.
/// - recall: every target looks back at the bits of its sources' histories (kernels up to 31).
enum class Path { events, recall };
const char* name(Path path);
/// Throws Error that lists the names.
Path parse_path(const std::string& text);

/// What has been understood so far.
struct Reading {
  int64_t best = 0;  // class with the largest mass
  double lead = 0;   // its mass minus the second's, over the bins read: 0 to 1
  int64_t bins = 0;  // of the readout
};

/// Hears one bin after the other and can be asked at any time. Used by one thread at a time.
class DelayStream {
 public:
  /// Throws Error for a kernel too long for the path.
  DelayStream(const Net& net, Path path);

  int64_t channels() const { return channels_; }
  int64_t classes() const { return classes_; }
  /// Spikes counted in one bin, [channels]. Throws Error for another number of them, counts above
  /// 3, or after finish().
  void push(std::span<const uint8_t> counts);
  /// No more bins come: lets late spikes arrive, layer by layer (kernel - 1) / 2 bins longer.
  void finish();
  /// Forgets everything.
  void reset();

  Reading reading() const;
  /// Sum over bins of the readout's softmax, a class each.
  std::span<const double> mass() const { return mass_; }
  /// Packed spikes of hidden layer `index` in the last bin.
  std::span<const uint64_t> spikes(size_t index) const { return stages_[index].spikes; }

  /// Since reset(): additions that spikes caused, and spikes of hidden neurons.
  int64_t additions() const { return additions_; }
  int64_t hidden_spikes() const { return hidden_spikes_; }
  size_t memory_bytes() const;

 private:
  struct Stage {
    int64_t targets = 0, padded = 0;
    std::vector<int64_t> begin;  // synapses by source: DelayedSynapses
    std::vector<int32_t> offset;
    std::vector<float> weight;
    std::vector<uint32_t> bit;  // RecalledSynapses
    std::vector<float> dense;
    std::vector<uint32_t> history;  // planes of bits 0 and 1 of the counts
    std::vector<float> shift, ring, membrane;
    std::vector<uint64_t> spikes;
  };
  void build(const Layer& layer, Stage& stage);
  void step(std::span<const uint8_t> counts);
  void hear(Stage& stage, size_t index, std::span<const uint8_t> counts);
  void send(Stage& stage, int64_t source, uint8_t count);
  float* currents(Stage& stage);
  void read_out(const float* currents, Stage& stage);

  Path path_;
  int64_t kernel_, channels_, classes_;
  float leak_;
  std::vector<Stage> stages_;
  std::vector<double> mass_;
  int64_t time_ = 0, read_ = 0, additions_ = 0, hidden_spikes_ = 0;
  int64_t length_ = -1;  // bins heard, once finished
};

/// Bins of the readout that a whole example of so many gives.
int64_t readout_bins(const Net& net, int64_t bins);

/// Hears an example to its end, or until the lead exceeds `margin` after at least `least` bins
/// (margin >= 1: to the end).
Reading listen(DelayStream& stream, const SpikeTrains& trains, int64_t example, double margin,
               int64_t least = 5);

}  // namespace betimes::systems::snn_delays
