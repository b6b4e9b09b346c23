#include "systems/search/cbnet/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/fit/variant.h"
#include "betimes/import/dataset.h"
#include "betimes/import/onnx.h"
#include "betimes/judge/metric.h"
#include "systems/search/cbnet/nets.h"
#include "systems/search/cbnet/served.h"

namespace betimes::systems::cbnet {
namespace {

constexpr const char* test_files = "/usr/share/datasets/fashion-mnist/t10k-";
constexpr int64_t calibration_images = 100;

judge::Examples read_test_images() {
  const std::string prefix = test_files;
  import::Dataset read = import::load_examples(prefix + "images-idx3-ubyte.gz",
                                               prefix + "labels-idx1-ubyte.gz", {1, 1, side, side});
  judge::Examples found{std::move(read.inputs), std::move(read.labels)};
  judge::check_labels(found, classes);
  return found;
}

std::span<const float> image(const judge::Examples& examples, int64_t index) {
  return examples.inputs.data<float>().subspan(static_cast<size_t>(index * pixels), pixels);
}

fit::Precision parse_precision(const fit::Value& value) {
  for (const fit::Precision each : {fit::Precision::bf16, fit::Precision::int8}) {
    if (std::get<std::string>(value) == fit::name(each)) return each;
  }
  return fit::Precision::fp32;
}

/// A network from a file, ready to be compiled in any precision.
class Net {
 public:
  Net(const std::string& path, const judge::Examples& examples)
      : original_(import::read_onnx(path)), variants_(make(original_, examples)) {}

  /// Layers of the converter at precision `g`, all others at `f`.
  std::shared_ptr<const runtime::Plan> compile(fit::Precision g, fit::Precision f,
                                               int threads) const {
    fit::Assignment assignment;
    for (const std::string& name : variants_.nodes()) {
      const fit::Precision wanted = of_converter(name) ? g : f;
      if (wanted != fit::Precision::fp32) assignment.lowered[name] = wanted;
    }
    return variants_.compile(assignment, threads);
  }

 private:
  static fit::Variants make(const graph::Graph& graph, const judge::Examples& examples) {
    graph::Graph prepared = fit::prepare(graph, {{"image", {1, 1, side, side}}});
    const auto watched = fit::observed_values(prepared, fit::lowerable_nodes(prepared));
    auto seen = fit::observe(prepared, watched, examples.slice(0, calibration_images).inputs,
                             /*threads=*/1);
    return {std::move(prepared), std::move(seen)};
  }
  bool of_converter(const std::string& name) const {
    const auto node = std::ranges::find(original_.nodes, name, &graph::Node::name);
    return node != original_.nodes.end() &&
           std::ranges::any_of(node->inputs,
                               [](const std::string& input) { return input.starts_with("g."); });
  }

  graph::Graph original_;
  fit::Variants variants_;
};

class CbnetWorkload : public fit::Workload {
 public:
  explicit CbnetWorkload(const system::OpenOptions& options)
      : folder_(options.places.weights),
        threads_(options.threads),
        knobs_(cbnet::knobs()),
        data_(read_test_images()) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const fit::Precision g = parse_precision(setting.at("precision_g"));
    const fit::Precision f = parse_precision(setting.at("precision_f"));
    const auto converted = open(converted_file(folder_, std::get<int64_t>(setting.at("code"))))
                               .compile(g, f, threads_);
    if (std::get<std::string>(setting.at("converter")) == "always") {
      exiting_.reset();
      whole_.emplace(converted);
      return;
    }
    const auto first = open(exit_file(folder_)).compile(g, f, threads_);
    whole_.reset();
    exiting_.emplace(first, converted, std::get<double>(setting.at("tau")));
  }

  void run() override { answer(next_++ % data_.size()); }

  judge::Quality quality(fit::Part part) override {
    const int64_t half = data_.size() / 2;
    const int64_t first = part == fit::Part::validation ? 0 : half;
    const auto metric = judge::make_metric("top1");
    std::vector<double> scores;
    for (int64_t i = first; i < first + half; ++i) {
      const std::span<const float> logits = answer(i);
      scores.push_back(metric->score(logits, logits, data_.labels[static_cast<size_t>(i)]));
    }
    return judge::summarize(scores);
  }

  size_t memory_bytes() const override {
    return whole_ ? whole_->memory_bytes() : exiting_->memory_bytes();
  }

 private:
  std::span<const float> answer(int64_t index) {
    return whole_ ? whole_->run(image(data_, index)) : exiting_->run(image(data_, index));
  }

  /// Kept once read: a search comes back to the same few files.
  const Net& open(const std::string& path) {
    const auto known = nets_.find(path);
    if (known != nets_.end()) return known->second;
    if (!std::filesystem::exists(path)) {
      throw Error(path, "isn't there", "betimes train cbnet, which writes it");
    }
    return nets_.try_emplace(path, path, data_).first->second;
  }

  std::string folder_;
  int threads_;
  fit::KnobSpace knobs_;
  judge::Examples data_;
  std::map<std::string, Net> nets_;
  std::optional<Whole> whole_;       // the converter on every input
  std::optional<WithExit> exiting_;  // on hard ones only
  int64_t next_ = 0;
};

}  // namespace

const std::vector<int64_t>& code_widths() {
  static const std::vector<int64_t> widths = {8, 16, 32, 64};
  return widths;
}

std::string exit_file(const std::string& folder) { return folder + "/cbnet-exit.onnx"; }
std::string converted_file(const std::string& folder, int64_t code) {
  return fmt::format("{}/cbnet-code{:02}.onnx", folder, code);
}

fit::KnobSpace knobs() {
  const auto words = [](std::initializer_list<const char*> texts) {
    fit::Categories values;
    for (const char* text : texts) values.values.emplace_back(std::string(text));
    return values;
  };
  fit::Categories codes;
  for (const int64_t width : code_widths()) codes.values.emplace_back(width);
  fit::KnobSpace space;
  space.add({"converter", words({"always", "hard"}), std::string("always"),
             "convert every input, or only those that the raw image's answer is unsure of"});
  space.add({"tau", fit::Reals{0.005, 2, true}, 0.3,
             "entropy up to which a raw image's answer is taken, where only hard ones are "
             "converted; larger is faster"});
  space.add({"code", codes, int64_t{32}, "width of the converter's code"});
  space.add({"precision_g", words({"fp32", "bf16", "int8"}), std::string("fp32"),
             "of the converter, whose weights are most of what is read"});
  space.add(
      {"precision_f", words({"fp32", "bf16", "int8"}), std::string("fp32"), "of the classifier"});
  return space;
}

std::unique_ptr<fit::Workload> open_cbnet(const system::OpenOptions& options) {
  return std::make_unique<CbnetWorkload>(options);
}

}  // namespace betimes::systems::cbnet
