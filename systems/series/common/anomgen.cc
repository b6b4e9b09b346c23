#include "systems/series/common/anomgen.h"

#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::series {
namespace {

constexpr int64_t least_slot = 200;
constexpr double speed_up = 1.8;
constexpr double memory = 0.7;

struct Event {
  int64_t first = 0, end = 0;
  Anomaly kind = Anomaly::spike;
  double size = 0;  // signed, of spikes and shifts
};

std::vector<Event> place(const AnomgenOptions& options, Random& random) {
  const int64_t slot = options.points / options.anomalies;
  std::vector<Event> events;
  for (int64_t i = 0; i < options.anomalies; ++i) {
    Event event;
    event.kind = options.kinds[static_cast<size_t>(i) % options.kinds.size()];
    const bool spike = event.kind == Anomaly::spike;
    const auto length = static_cast<int64_t>(spike ? 1 + random.below(5) : 20 + random.below(81));
    event.first =
        i * slot + 1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(slot - length - 1)));
    event.end = event.first + length;
    event.size =
        (random.below(2) ? 1 : -1) * (spike ? random.uniform(1.5, 3) : random.uniform(0.7, 1.5));
    events.push_back(event);
  }
  return events;
}

}  // namespace

judge::Series anomgen(const AnomgenOptions& options, uint64_t seed) {
  if (options.anomalies < 1 || options.kinds.empty() ||
      options.points / options.anomalies < least_slot) {
    throw Error("anomgen", "has too little room for its anomalies",
                std::to_string(least_slot) + " points or more for each");
  }
  Random random(seed);
  const std::vector<Event> events = place(options, random);
  const double period = random.uniform(40, 120);
  const double harmonic = random.uniform(0.1, 0.5);
  const double innovation = options.noise * std::sqrt(1 - memory * memory);

  judge::Series series;
  series.name = "anomgen-" + std::to_string(seed);
  series.columns.resize(1);
  series.labels.resize(static_cast<size_t>(options.points));
  double phase = random.uniform(0, 2 * std::numbers::pi);
  double noise = 0;
  double last = 0;
  size_t next = 0;
  for (int64_t i = 0; i < options.points; ++i) {
    while (next < events.size() && events[next].end <= i) ++next;
    const bool within = next < events.size() && events[next].first <= i;
    const Anomaly kind = within ? events[next].kind : Anomaly::spike;
    phase += 2 * std::numbers::pi / period *
             (within && kind == Anomaly::frequency_change ? speed_up : 1);
    noise = memory * noise + innovation * random.normal();
    double value = std::sin(phase) + harmonic * std::sin(2 * phase) + noise;
    if (within) {
      series.labels[static_cast<size_t>(i)] = 1;
      if (kind == Anomaly::spike || kind == Anomaly::level_shift) value += events[next].size;
      if (kind == Anomaly::flat) value = last;
    }
    series.columns[0].push_back(value);
    last = value;
  }
  return series;
}

}  // namespace betimes::systems::series
