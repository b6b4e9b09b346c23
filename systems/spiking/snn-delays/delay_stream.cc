#include "systems/spiking/snn-delays/delay_stream.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::snn_delays {
namespace {

constexpr uint8_t most_spikes = 3;
constexpr int64_t longest_recall = 32;  // bits of a history

/// Fires at 1 and above.
const float threshold = std::nextafter(1.0f, 0.0f);

}  // namespace

const char* name(Path path) { return path == Path::events ? "events" : "recall"; }

Path parse_path(const std::string& text) {
  for (const Path path : {Path::events, Path::recall}) {
    if (text == name(path)) return path;
  }
  throw Error("kernel path", "'" + text + "' is none", "events or recall");
}

DelayStream::DelayStream(const Net& net, Path path) : path_(path), kernel_(net.kernel) {
  check(net);
  if (path == Path::recall && net.kernel > longest_recall) {
    throw Error("kernel", "is too long to be recalled", "at most 31 bins");
  }
  channels_ = net.channels();
  classes_ = net.classes();
  leak_ = net.leak;
  for (const Layer& layer : net.layers) build(layer, stages_.emplace_back());
  mass_.resize(static_cast<size_t>(classes_));
  reset();
}

void DelayStream::build(const Layer& layer, Stage& stage) {
  const int64_t sources = layer.weight.shape()[1];
  stage.targets = layer.weight.shape()[0];
  stage.padded =
      (stage.targets + runtime::spike_block - 1) / runtime::spike_block * runtime::spike_block;
  const auto weights = layer.weight.data<float>();
  const auto delays = layer.delay.data<uint8_t>();
  if (path_ == Path::recall) {
    stage.bit.resize(static_cast<size_t>(sources * stage.padded));
    stage.dense.resize(stage.bit.size());
    stage.history.resize(static_cast<size_t>(2 * sources));
  }
  stage.begin = {0};
  for (int64_t j = 0; j < sources; ++j) {
    std::vector<std::pair<int32_t, float>> synapses;
    for (int64_t i = 0; i < stage.targets; ++i) {
      const auto at = static_cast<size_t>(i * sources + j);
      if (weights[at] == 0) continue;
      synapses.emplace_back(static_cast<int32_t>(delays[at] * stage.padded + i), weights[at]);
      if (path_ == Path::events) continue;
      stage.bit[static_cast<size_t>(j * stage.padded + i)] = uint32_t{1} << delays[at];
      stage.dense[static_cast<size_t>(j * stage.padded + i)] = weights[at];
    }
    std::ranges::sort(synapses);
    for (const auto& [offset, weight] : synapses) {
      stage.offset.push_back(offset);
      stage.weight.push_back(weight);
    }
    stage.begin.push_back(static_cast<int64_t>(stage.offset.size()));
  }
  stage.shift.resize(static_cast<size_t>(stage.padded));
  std::ranges::copy(layer.shift.data<float>(), stage.shift.begin());
  // Looking back needs one row, sending ahead one for every bin to come.
  const int64_t rows = path_ == Path::events ? kernel_ : 1;
  stage.ring.resize(static_cast<size_t>(rows * stage.padded));
  stage.membrane.resize(static_cast<size_t>(stage.padded));
  stage.spikes.resize(
      static_cast<size_t>((stage.targets + runtime::spike_word - 1) / runtime::spike_word));
}

void DelayStream::reset() {
  for (Stage& stage : stages_) {
    std::ranges::fill(stage.history, 0u);
    std::ranges::fill(stage.membrane, 0.0f);
    std::ranges::fill(stage.spikes, uint64_t{0});
    // A row that nothing has reached yet holds the constant current.
    for (auto row = stage.ring.begin(); row != stage.ring.end(); row += stage.padded) {
      std::ranges::copy(stage.shift, row);
    }
  }
  std::ranges::fill(mass_, 0.0);
  time_ = read_ = additions_ = hidden_spikes_ = 0;
  length_ = -1;
}

void DelayStream::push(std::span<const uint8_t> counts) {
  if (length_ >= 0) throw Error("delay stream", "has been finished", "reset() before more bins");
  if (static_cast<int64_t>(counts.size()) != channels_ || std::ranges::max(counts) > most_spikes) {
    throw Error("bin", "has " + std::to_string(counts.size()) + " counts or one above 3",
                std::to_string(channels_) + " counts from 0 to 3");
  }
  step(counts);
}

void DelayStream::finish() {
  if (length_ >= 0) return;
  length_ = time_;
  const int64_t tail = (kernel_ - 1) / 2;
  const int64_t end = length_ + static_cast<int64_t>(stages_.size()) * tail;
  while (time_ < end) step({});
}

void DelayStream::send(Stage& stage, int64_t source, uint8_t count) {
  const auto at = static_cast<size_t>(source);
  additions_ += count * (stage.begin[at + 1] - stage.begin[at]);
  if (path_ == Path::recall) {
    stage.history[at] |= count & 1u;
    stage.history[at + stage.history.size() / 2] |= count >> 1 & 1u;
    return;
  }
  const runtime::DelayedSynapses synapses{kernel_, stage.padded, stage.begin.data(),
                                          stage.offset.data(), stage.weight.data()};
  runtime::spiking_loops().deliver(synapses, source, count, time_ % kernel_, stage.ring.data());
}

/// What comes in at this bin, from the channels or from the stage below.
void DelayStream::hear(Stage& stage, size_t index, std::span<const uint8_t> counts) {
  for (uint32_t& past : stage.history) past <<= 1;
  if (index == 0) {
    for (size_t j = 0; j < counts.size(); ++j) {
      if (counts[j] != 0) send(stage, static_cast<int64_t>(j), counts[j]);
    }
    return;
  }
  const std::vector<uint64_t>& below = stages_[index - 1].spikes;
  for (size_t word = 0; word < below.size(); ++word) {
    for (uint64_t left = below[word]; left != 0; left &= left - 1) {
      const int64_t source = static_cast<int64_t>(word) * runtime::spike_word;
      send(stage, source + std::countr_zero(left), 1);
    }
  }
}

float* DelayStream::currents(Stage& stage) {
  if (path_ == Path::events) return stage.ring.data() + time_ % kernel_ * stage.padded;
  const auto sources = static_cast<int64_t>(stage.history.size() / 2);
  const runtime::RecalledSynapses synapses{sources, stage.padded, stage.bit.data(),
                                           stage.dense.data()};
  const runtime::SpikingLoops& loops = runtime::spiking_loops();
  loops.recall(synapses, stage.history.data(), 1, stage.ring.data());
  // Only channels are counted; neurons fire once.
  if (&stage == stages_.data()) {
    loops.recall(synapses, stage.history.data() + sources, 2, stage.ring.data());
  }
  return stage.ring.data();
}

void DelayStream::read_out(const float* current, Stage& stage) {
  double top = -INFINITY, sum = 0;
  for (size_t c = 0; c < mass_.size(); ++c) {
    stage.membrane[c] = leak_ * stage.membrane[c] + current[c];
    top = std::max(top, double{stage.membrane[c]});
  }
  for (size_t c = 0; c < mass_.size(); ++c) sum += std::exp(double{stage.membrane[c]} - top);
  for (size_t c = 0; c < mass_.size(); ++c) {
    mass_[c] += std::exp(double{stage.membrane[c]} - top) / sum;
  }
  ++read_;
}

void DelayStream::step(std::span<const uint8_t> counts) {
  const runtime::FiringRule rule{leak_, threshold, 0, true};
  const int64_t tail = (kernel_ - 1) / 2;
  for (size_t i = 0; i < stages_.size(); ++i) {
    Stage& stage = stages_[i];
    const int64_t end = length_ + (static_cast<int64_t>(i) + 1) * tail;
    if (length_ >= 0 && time_ >= end) {  // its time is over, the layers above go on
      std::ranges::fill(stage.spikes, uint64_t{0});
      continue;
    }
    hear(stage, i, counts);
    float* row = currents(stage);
    if (i + 1 == stages_.size()) {
      read_out(row, stage);
    } else {
      runtime::spiking_loops().fire(rule, row, stage.membrane.data(), stage.spikes.data(), 1,
                                    stage.padded, static_cast<int64_t>(stage.spikes.size()));
      for (const uint64_t word : stage.spikes) hidden_spikes_ += std::popcount(word);
    }
    std::ranges::copy(stage.shift, row);
  }
  ++time_;
}

Reading DelayStream::reading() const {
  Reading found;
  found.bins = read_;
  const auto best = std::ranges::max_element(mass_);
  found.best = best - mass_.begin();
  double second = 0;
  for (auto it = mass_.begin(); it != mass_.end(); ++it) {
    if (it != best) second = std::max(second, *it);
  }
  if (read_ > 0) found.lead = (*best - second) / static_cast<double>(read_);
  return found;
}

size_t DelayStream::memory_bytes() const {
  size_t bytes = 0;
  for (const Stage& stage : stages_) {
    const size_t floats = stage.weight.size() + stage.offset.size() + stage.bit.size() +
                          stage.dense.size() + stage.history.size() + stage.shift.size() +
                          stage.ring.size() + stage.membrane.size();
    bytes += floats * sizeof(float) + (stage.begin.size() + stage.spikes.size()) * sizeof(uint64_t);
  }
  return bytes;
}

int64_t readout_bins(const Net& net, int64_t bins) {
  return bins + static_cast<int64_t>(net.layers.size()) * net.tail();
}

Reading listen(DelayStream& stream, const SpikeTrains& trains, int64_t example, double margin,
               int64_t least) {
  stream.reset();
  const auto counts = trains.example(example);
  const auto width = static_cast<size_t>(trains.channels);
  for (int64_t t = 0; t < trains.bins; ++t) {
    stream.push(counts.subspan(static_cast<size_t>(t) * width, width));
    if (margin >= 1 || t + 1 < least) continue;
    const Reading now = stream.reading();
    if (now.lead > margin) return now;
  }
  stream.finish();
  return stream.reading();
}

}  // namespace betimes::systems::snn_delays
