#include "systems/hardware/wa-hls4ml/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <tuple>

#include "betimes/base/error.h"
#include "betimes/import/dataset.h"
#include "betimes/import/safetensors.h"
#include "betimes/judge/metric.h"
#include "systems/hardware/wa-hls4ml/fixed_point.h"
#include "systems/hardware/wa-hls4ml/served.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr int64_t side = 28, shrunk = 7, block = side / shrunk;
constexpr const char* test_files = "/usr/share/datasets/fashion-mnist/t10k-";
constexpr size_t calibration = 500;               // examples that ranges are taken from
constexpr size_t bytes_of_block = 18 * 1024 / 8;  // BRAM_18K
constexpr double least_success = 0.5;

judge::Examples read_examples() {
  const std::string prefix = test_files;
  import::Dataset read = import::load_examples(prefix + "images-idx3-ubyte.gz",
                                               prefix + "labels-idx1-ubyte.gz", {1, 1, side, side});
  judge::Examples found{std::move(read.inputs), std::move(read.labels)};
  judge::check_labels(found, classes);
  return found;
}

class WaWorkload : public fit::Workload {
 public:
  explicit WaWorkload(const system::OpenOptions& options)
      : files_(options.places.weights),
        knobs_(knob_space()),
        surrogate_(files_, options.threads),
        part_(served_part()) {
    if (!std::filesystem::exists(files_.classifiers)) {
      throw Error(files_.classifiers, "isn't there", "betimes train wa-hls4ml, which writes it");
    }
    weights_ = import::read_safetensors(files_.classifiers);
    const judge::Examples examples = read_examples();
    images_ = shrink(examples.inputs.data<float>());
    labels_ = examples.labels;
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const auto number = [&](const char* knob) { return std::get<int64_t>(setting.at(knob)); };
    const bool resource = std::get<std::string>(setting.at("strategy")) == "resource";
    const std::vector<int64_t> sizes = {pixels, number("first"), number("second"), classes};
    const Network network = dense_chain(sizes, number("precision"), number("reuse"),
                                        resource ? Strategy::resource : Strategy::latency);
    const ServedSurrogate::Prediction found = surrogate_.predict(network);
    const std::string design =
        fmt::format("{} in {} bits", sizes_text(network), number("precision"));
    if (found.success < least_success) {
      throw Error(design, fmt::format("won't synthesise (probability {:.2f})", found.success),
                  "a larger reuse factor or smaller layers");
    }
    const std::string why = misfit(found.costs, part_);
    if (!why.empty()) throw Error(design, why, "a smaller design");
    costs_ = found.costs;
    wanted_ = {number("first"), number("second"), static_cast<int>(number("precision"))};
  }

  void run() override {
    const auto until =
        std::chrono::steady_clock::now() +
        std::chrono::nanoseconds(std::llround(of(costs_, Target::cycles) * clock_ns));
    while (std::chrono::steady_clock::now() < until) {
    }
  }

  judge::Quality quality(fit::Part part) override {
    const std::vector<double>& scores = scored();
    const auto half = static_cast<int64_t>(scores.size() / 2);
    const bool first = part == fit::Part::validation;
    return judge::summarize(
        {scores.begin() + (first ? 0 : half), first ? scores.begin() + half : scores.end()});
  }

  size_t memory_bytes() const override {
    return static_cast<size_t>(std::ceil(of(costs_, Target::bram))) * bytes_of_block;
  }

 private:
  using Wanted = std::tuple<int64_t, int64_t, int>;  // sizes of the hidden layers, bits

  /// Which examples the classifier names right; the design's other knobs change nothing of that.
  const std::vector<double>& scored() {
    const auto known = scored_.find(wanted_);
    if (known != scored_.end()) return known->second;
    const auto [first, second, bits] = wanted_;
    const DenseNet net = read_dense(weights_, classifier_prefix(first, second), files_.classifiers);
    const FixedNet fixed(net, bits, std::span(images_).first(calibration * pixels));
    const auto metric = judge::make_metric("top1");
    std::vector<double> scores;
    for (size_t i = 0; i < labels_.size(); ++i) {
      const std::vector<float> logits = fixed(std::span(images_).subspan(i * pixels, pixels));
      scores.push_back(metric->score(logits, logits, labels_[i]));
    }
    return scored_[wanted_] = std::move(scores);
  }

  Files files_;
  fit::KnobSpace knobs_;
  ServedSurrogate surrogate_;
  Part part_;
  std::map<std::string, Tensor> weights_;
  std::vector<float> images_;
  std::vector<int64_t> labels_;
  Wanted wanted_;
  Costs costs_{};
  std::map<Wanted, std::vector<double>> scored_;
};

}  // namespace

const std::vector<int64_t>& first_sizes() {
  static const std::vector<int64_t> sizes = {16, 32, 64};
  return sizes;
}

const std::vector<int64_t>& second_sizes() {
  static const std::vector<int64_t> sizes = {16, 32};
  return sizes;
}

std::string classifier_prefix(int64_t first, int64_t second) {
  return fmt::format("{}x{}.", first, second);
}

std::vector<float> shrink(std::span<const float> images) {
  constexpr size_t all = side * side;
  if (images.empty() || images.size() % all != 0) {
    throw Error("images", fmt::format("have {} numbers", images.size()),
                fmt::format("{} each", all));
  }
  std::vector<float> found(images.size() / all * pixels);
  for (size_t i = 0; i < images.size(); ++i) {
    const size_t image = i / all, row = i % all / side, column = i % side;
    found[image * pixels + row / block * shrunk + column / block] += images[i] / (block * block);
  }
  return found;
}

Part served_part() {
  Part part{"xc7z020", {}};  // of the Pynq-Z2, a common board for hls4ml
  of(part.available, Target::ff) = 106'400;
  of(part.available, Target::lut) = 53'200;
  of(part.available, Target::bram) = 280;
  of(part.available, Target::dsp) = 220;
  return part;
}

std::string misfit(const Costs& costs, const Part& part) {
  for (const Target target : {Target::lut, Target::ff, Target::bram, Target::dsp}) {
    if (of(costs, target) <= of(part.available, target)) continue;
    return fmt::format("needs {:.0f} {}, {} has {:.0f}", of(costs, target), name(target), part.name,
                       of(part.available, target));
  }
  return {};
}

fit::KnobSpace knob_space() {
  const auto numbers = [](const std::vector<int64_t>& values) {
    fit::Categories found;
    for (const int64_t value : values) found.values.emplace_back(value);
    return found;
  };
  fit::KnobSpace space;
  space.add({"precision", fit::Integers{2, 16, 1}, int64_t{8},
             "bits of weights and activations; more are more accurate and take more of the FPGA"});
  space.add({"reuse", numbers({16, 32, 64, 128, 256, 512, 1024, 2048, 4096}), int64_t{512},
             "multiplications asked of each multiplier; more take longer and less of the FPGA"});
  space.add({"strategy", fit::Categories{{std::string("resource"), std::string("latency")}},
             std::string("resource"), "reuse multipliers, or unroll everything"});
  space.add({"first", numbers(first_sizes()), int64_t{32}, "outputs of the first hidden layer"});
  space.add({"second", numbers(second_sizes()), int64_t{16}, "outputs of the second one"});
  return space;
}

std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options) {
  return std::make_unique<WaWorkload>(options);
}

}  // namespace betimes::systems::wa_hls4ml
