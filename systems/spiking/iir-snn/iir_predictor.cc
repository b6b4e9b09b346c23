#include "systems/spiking/iir-snn/iir_predictor.h"

#include <algorithm>
#include <bit>

#include "betimes/base/error.h"

namespace betimes::systems::iir_snn {
namespace {

void check_sizes(size_t found, int64_t right, const char* what) {
  if (found != static_cast<size_t>(right)) {
    throw Error(what, "has " + std::to_string(found) + " numbers", std::to_string(right));
  }
}

double count_bits(const std::vector<uint64_t>& words) {
  int64_t bits = 0;
  for (const uint64_t word : words) bits += std::popcount(word);
  return static_cast<double>(bits);
}

}  // namespace

const char* name(Path path) {
  switch (path) {
    case Path::dense:
      return "dense";
    case Path::events:
      return "events";
    case Path::packed:
      return "packed";
  }
  return "";
}

Path parse_path(const std::string& text) {
  for (const Path path : {Path::dense, Path::events, Path::packed}) {
    if (text == name(path)) return path;
  }
  throw Error("kernel path", "'" + text + "' is none", "dense, events or packed");
}

Predictor::Predictor(const Net& original, Path path, double threshold_scale)
    : path_(path),
      time_steps_(original.time_steps),
      pixels_(original.height * original.width),
      classes_(original.classes()) {
  if (original.time_steps < 1) {
    throw Error("spiking net", "has ReLU instead of time steps", "a converted net");
  }
  if (!(threshold_scale > 0)) throw Error("threshold scale", "isn't positive");
  Net net = original;
  for (Layer& layer : net.layers) layer.threshold *= static_cast<float>(threshold_scale);
  check(net);
  if (path == Path::dense) {
    const auto plan = runtime::compile(dense_graph(net, 1));
    plan_bytes_ = plan->memory().weights + plan->memory().arena + plan->memory().inputs_outputs;
    session_.emplace(plan);
    return;
  }
  int64_t height = net.height, width = net.width;
  for (const Layer& layer : net.layers) {
    const Kernel kernel = kernel_of(layer, height, width);
    Stage stage{{kernel.weight, layer.bias, {height, width, kernel.stride, kernel.pad}},
                {layer.leak, layer.threshold, layer.threshold, false},
                {},
                {},
                {}};
    const runtime::SpikeConvolution& s = stage.layer.shape();
    const auto floats = static_cast<size_t>(s.out_pixels() * s.padded());
    stage.currents.resize(floats);
    if (time_steps_ > 1) stage.membranes.resize(floats);
    stage.spikes.resize(static_cast<size_t>(s.out_pixels() * s.out_words()));
    height = s.out_height;
    width = s.out_width;
    stages_.push_back(std::move(stage));
  }
}

size_t Predictor::memory_bytes() const {
  size_t bytes = plan_bytes_;
  for (const Stage& stage : stages_) {
    bytes += stage.layer.bytes() + stage.spikes.size() * sizeof(uint64_t) +
             (stage.currents.size() + stage.membranes.size()) * sizeof(float);
  }
  return bytes;
}

void Predictor::run(std::span<const float> image, std::span<float> logits) {
  check_sizes(image.size(), pixels_, "image");
  check_sizes(logits.size(), classes_, "logits");
  if (!session_) return run_spiking(image, logits, nullptr);
  std::ranges::copy(image, session_->inputs()[0].as<float>());
  session_->run();
  std::copy_n(session_->outputs()[0].as<float>(), classes_, logits.begin());
}

Counts Predictor::count(std::span<const float> image) {
  if (session_) throw Error("counting", "the dense path has no spikes to count");
  check_sizes(image.size(), pixels_, "image");
  std::vector<float> logits(static_cast<size_t>(classes_));
  Counts counts;
  for (size_t i = 0; i < stages_.size(); ++i) {
    const runtime::SpikeConvolution& s = stages_[i].layer.shape();
    const auto macs = static_cast<double>(spiking::dense_operations(s));
    counts.dense.macs += macs;
    if (i == 0) counts.operations.macs += macs;
    if (i + 1 < stages_.size()) {
      counts.neurons.push_back(static_cast<double>(s.out_pixels() * s.out_channels));
    }
  }
  counts.spikes.resize(counts.neurons.size());
  run_spiking(image, logits, &counts);
  return counts;
}

/// Hidden layers' neurons start from rest at the first step. Where there is only one, membranes
/// aren't kept at all.
void Predictor::step(size_t index, bool from_rest) {
  const runtime::SpikingLoops& loops = runtime::spiking_loops();
  Stage& stage = stages_[index];
  const runtime::SpikeConvolution& s = stage.layer.shape();
  if (from_rest) std::ranges::fill(stage.membranes, 0.0f);
  float* membranes = stage.membranes.empty() ? nullptr : stage.membranes.data();
  if (index > 0 && path_ == Path::packed) {
    loops.step(s, stage.rule, stages_[index - 1].spikes.data(), membranes, stage.spikes.data());
    return;
  }
  if (index > 0) {
    for (int64_t pixel = 0; pixel < s.out_pixels(); ++pixel) {
      std::copy_n(s.bias, s.padded(), stage.currents.data() + pixel * s.padded());
    }
    loops.scatter(s, stages_[index - 1].spikes.data(), stage.currents.data());
  }
  loops.fire(stage.rule, stage.currents.data(), membranes, stage.spikes.data(), s.out_pixels(),
             s.padded(), s.out_words());
}

void Predictor::read_out(std::span<float> logits) {
  Stage& stage = stages_.back();
  const runtime::SpikeConvolution& s = stage.layer.shape();
  runtime::spiking_loops().currents(s, stages_[stages_.size() - 2].spikes.data(),
                                    stage.currents.data());
  for (size_t c = 0; c < logits.size(); ++c) logits[c] += stage.currents[c];
}

void Predictor::run_spiking(std::span<const float> image, std::span<float> logits, Counts* counts) {
  std::ranges::fill(logits, 0.0f);
  Stage& first = stages_.front();
  runtime::spiking_loops().analog(first.layer.shape(), image.data(), first.currents.data());
  for (int64_t t = 0; t < time_steps_; ++t) {
    for (size_t i = 0; i + 1 < stages_.size(); ++i) {
      step(i, t == 0);
      if (!counts) continue;
      const Stage& stage = stages_[i];
      counts->spikes[i] += count_bits(stage.spikes);
      counts->operations.adds += static_cast<double>(
          spiking::synaptic_operations(stages_[i + 1].layer.shape(), stage.spikes.data()));
    }
    read_out(logits);
  }
}

}  // namespace betimes::systems::iir_snn
