#include "systems/hardware/help/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "systems/hardware/help/evaluate.h"

namespace betimes::systems::help {
namespace {

constexpr SpaceName served = SpaceName::fbnet;
constexpr int supports = 3;  // a device, for its quality

Tables tables_of(const system::Places& places) {
  if (tables_present(places.data, served)) return read_tables(places.data, served);
  throw Error("--data", "has no latencies of devices", "the folder that has help-nas-latency/");
}

Predictor predictor_of(const system::Places& places) {
  const std::string own = trained_file(places.weights, served, "help");
  if (std::filesystem::exists(own)) return read_predictor(own);
  const std::string published = published_file(places, served);
  if (!published.empty()) return read_predictor(published);
  throw Error(own, "isn't there", "betimes train help, which writes it");
}

class HelpWorkload : public fit::Workload {
 public:
  explicit HelpWorkload(const system::OpenOptions& options)
      : knobs_(knob_space()),
        tables_(tables_of(options.places)),
        predictor_(predictor_of(options.places)),
        validation_(make_devices(tables_, tables_.space.validation)),
        unseen_(make_devices(tables_, tables_.space.unseen)),
        seed_(options.seed) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const auto number = [&](const char* knob) { return std::get<int64_t>(setting.at(knob)); };
    options_.samples = static_cast<size_t>(number("samples"));
    options_.adapt.inner_steps = static_cast<int>(number("inner_steps"));
    options_.adapt.draws = static_cast<int>(number("mc"));
    options_.protocol = Protocol::own_range;
    options_.supports = 1;
    requests_.clear();
    for (const Device& device : unseen_) requests_.push_back(request(device));
  }

  void run() override {
    next_ = (next_ + 1) % requests_.size();
    const Request& asked = requests_[next_];
    const Adapted adapted(predictor_, asked.embedding, asked.support, asked.labels, options_.adapt);
    const Line line = least_squares(adapted.predict(asked.support), asked.ms);
    answer_ms_ = line(double{adapted.predict(asked.architecture)[0]});
  }

  judge::Quality quality(fit::Part part) override {
    std::vector<double> found;
    for (const Device& device : part == fit::Part::validation ? validation_ : unseen_) {
      for (int i = 0; i < supports; ++i) {
        EvaluateOptions options = options_;
        options.seed = seed_ + static_cast<uint64_t>(i);
        found.push_back(std::max(evaluate(predictor_, tables_, device, options).spearman, 0.0));
      }
    }
    const Interval interval = normal_interval(found, 0.95);
    judge::Quality quality;
    quality.value = mean(found);
    quality.low = std::max(interval.low, 0.0);
    quality.high = std::min(interval.high, 1.0);
    quality.examples = static_cast<int64_t>(found.size());
    return quality;
  }

  size_t memory_bytes() const override {
    size_t weights = 0;
    for (const Layer* layer : std::as_const(predictor_.network).layers()) {
      weights += layer->weight.size() + layer->bias.size();
    }
    const size_t copies = 2 + static_cast<size_t>(options_.adapt.draws);  // with the step sizes
    return copies * weights * sizeof(float);
  }

 private:
  /// What a device that is new sends.
  struct Request {
    std::vector<float> embedding, labels;
    Encoded support, architecture;
    std::vector<double> ms;  // of the support
  };

  Request request(const Device& device) const {
    const std::vector<size_t> support = draw(device.pool, options_.samples, seed_);
    Request found;
    found.embedding = device.embedding;
    found.support = tables_.architectures.rows(support);
    found.architecture = tables_.architectures.rows(draw(device.held, 1, seed_));
    found.ms = gather(device.ms, support);
    const auto [low, high] = std::minmax_element(found.ms.begin(), found.ms.end());
    found.labels = labels_of(found.ms, *low, *high);
    return found;
  }

  fit::KnobSpace knobs_;
  Tables tables_;
  Predictor predictor_;
  std::vector<Device> validation_, unseen_;
  uint64_t seed_;
  EvaluateOptions options_;
  std::vector<Request> requests_;
  size_t next_ = 0;
  double answer_ms_ = 0;
};

}  // namespace

fit::KnobSpace knob_space() {
  fit::KnobSpace space;
  space.add({"samples", fit::Integers{5, 20, 1}, int64_t{10},
             "architectures measured on a new device, beside the ten references"});
  space.add({"inner_steps", fit::Integers{0, 5, 1}, int64_t{2},
             "gradient steps on the measurements; 0: the embedding alone tells the device"});
  space.add({"mc", fit::Integers{1, 10, 1}, int64_t{10},
             "draws of the modulation whose predictions are averaged; time in proportion"});
  return space;
}

std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options) {
  return std::make_unique<HelpWorkload>(options);
}

std::string trained_file(const std::string& folder, SpaceName space, const std::string& method) {
  const std::string path = fmt::format("{}/help-{}", folder, name(space));
  return path + (method == "help" ? "" : "-" + method) + ".safetensors";
}

std::string published_file(const system::Places& places, SpaceName space) {
  const auto below = [&](const std::filesystem::path& folder) {
    return (folder / "help-predictors" / fmt::format("{}.safetensors", name(space))).string();
  };
  std::vector<std::string> candidates;
  if (!places.weights.empty()) candidates.push_back(below(places.weights));
  if (!places.data.empty()) {
    candidates.push_back(below(places.data));
    candidates.push_back(below(std::filesystem::path(places.data) / ".." / "models"));
  }
  for (const std::string& path : candidates) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

}  // namespace betimes::systems::help
