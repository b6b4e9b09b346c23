#include "systems/spiking/snn-delays/coincide.h"

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::snn_delays {
namespace {

constexpr uint8_t most_spikes = 3;

int64_t below(Random& random, int64_t n) {
  return static_cast<int64_t>(random.below(static_cast<uint64_t>(n)));
}

void add_spike(SpikeTrains& trains, int64_t example, int64_t bin, int64_t channel) {
  auto& count =
      trains.counts[static_cast<size_t>((example * trains.bins + bin) * trains.channels + channel)];
  if (count < most_spikes) ++count;
}

SpikeTrains draw(const Coincide& how, const std::vector<int64_t>& lags, int64_t examples,
                 Random& random) {
  SpikeTrains trains{how.channels, how.bins, how.classes, 10, {}, {}};
  trains.counts.resize(static_cast<size_t>(examples * how.bins * how.channels));
  const int64_t onsets = how.bins - how.longest_lag - 2 * how.jitter;
  const auto extra = std::llround(how.distractors * static_cast<double>(how.channels));
  for (int64_t e = 0; e < examples; ++e) {
    const int64_t label = e % how.classes;
    trains.labels.push_back(label);
    const int64_t onset = how.jitter + below(random, onsets);
    for (int64_t channel = 0; channel < how.channels; ++channel) {
      const int64_t group = channel * how.groups / how.channels;
      const int64_t lag = lags[static_cast<size_t>(label * how.groups + group)];
      add_spike(trains, e, onset + lag + below(random, 2 * how.jitter + 1) - how.jitter, channel);
    }
    for (int64_t i = 0; i < extra; ++i) {
      add_spike(trains, e, below(random, how.bins), below(random, how.channels));
    }
  }
  return trains;
}

}  // namespace

Splits make_coincide(const Coincide& how, int64_t train, int64_t validation, int64_t test,
                     uint64_t seed) {
  if (how.channels < 1 || how.groups < 1 || how.groups > how.channels || how.classes < 1 ||
      how.jitter < 0 || how.longest_lag < 0 || !(how.distractors >= 0) ||
      how.bins - how.longest_lag - 2 * how.jitter < 1 || train < 1 || validation < 1 || test < 1) {
    throw Error("coincide", "is asked for sizes that make no sense",
                "bins for the longest lag and the jitter, at least one example of each part");
  }
  Random random(seed);
  std::vector<int64_t> lags;
  for (int64_t i = 0; i < how.classes * how.groups; ++i) {
    lags.push_back(below(random, how.longest_lag + 1));
  }
  Splits splits;
  splits.train = draw(how, lags, train, random);
  splits.validation = draw(how, lags, validation, random);
  splits.test = draw(how, lags, test, random);
  return splits;
}

}  // namespace betimes::systems::snn_delays
