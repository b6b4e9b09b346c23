#include "systems/spiking/iir-snn/iir-snn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/judge/metric.h"
#include "systems/spiking/iir-snn/iir_task.h"

namespace betimes::systems::iir_snn {
namespace {

/// How much more probable the first class is than the second.
double margin(std::span<const float> logits) {
  std::vector<float> sorted(logits.begin(), logits.end());
  std::ranges::sort(sorted, std::greater());
  double sum = 0;
  for (const float logit : sorted) sum += std::exp(double{logit} - double{sorted[0]});
  return (1 - std::exp(double{sorted[1]} - double{sorted[0]})) / sum;
}

fit::KnobSpace knob_space() {
  using Strings = std::vector<fit::Value>;
  fit::KnobSpace space;
  space.add({"time_steps", fit::Categories{{int64_t{1}, int64_t{2}, int64_t{3}, int64_t{5}}},
             int64_t{1}, "the ladder's net that is run: more steps are slower and more accurate"});
  space.add(
      {"path",
       fit::Categories{Strings{std::string("packed"), std::string("events"), std::string("dense")}},
       std::string("packed"), "how it is computed; the answers are the same"});
  space.add({"threshold_scale", fit::Reals{0.7, 1.3, false}, 1.0,
             "higher thresholds: fewer spikes, less work"});
  space.add({"margin", fit::Reals{0, 1, false}, 0.0,
             "answers whose first class leads by less are given again by the longest net"});
  space.require("a margin needs a net shorter than the longest", [](const fit::Setting& setting) {
    return std::get<int64_t>(setting.at("time_steps")) < 5 ||
           std::get<double>(setting.at("margin")) == 0;
  });
  return space;
}

/// The ladder's nets on Fashion-MNIST.
class Ladder final : public fit::Workload {
 public:
  Ladder(std::map<int64_t, Net> nets, judge::Task task)
      : knobs_(knob_space()), nets_(std::move(nets)), task_(std::move(task)) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const int64_t steps = std::get<int64_t>(setting.at("time_steps"));
    const Path path = parse_path(std::get<std::string>(setting.at("path")));
    const double scale = std::get<double>(setting.at("threshold_scale"));
    margin_ = std::get<double>(setting.at("margin"));
    first_.emplace(nets_.at(steps), path, scale);
    second_.reset();
    if (margin_ > 0) second_.emplace(nets_.rbegin()->second, path, scale);
    logits_.resize(static_cast<size_t>(first_->classes()));
  }

  void run() override { answer(example(task_.test, next_++ % task_.test.size())); }

  judge::Quality quality(fit::Part part) override {
    const judge::Examples& examples = part == fit::Part::validation ? task_.validation : task_.test;
    std::vector<double> scores;
    for (int64_t i = 0; i < examples.size(); ++i) {
      const auto found = answer(example(examples, i));
      scores.push_back(found == examples.labels[static_cast<size_t>(i)] ? 1 : 0);
    }
    return judge::summarize(scores);
  }

  size_t memory_bytes() const override {
    return first_->memory_bytes() + (second_ ? second_->memory_bytes() : 0);
  }

 private:
  int64_t answer(std::span<const float> image) {
    first_->run(image, logits_);
    if (second_ && margin(logits_) < margin_) second_->run(image, logits_);
    return std::ranges::max_element(logits_) - logits_.begin();
  }

  fit::KnobSpace knobs_;
  std::map<int64_t, Net> nets_;
  judge::Task task_;
  std::optional<Predictor> first_, second_;
  double margin_ = 0;
  std::vector<float> logits_;
  int64_t next_ = 0;
};

std::unique_ptr<fit::Workload> open(const system::OpenOptions& options) {
  std::map<int64_t, Net> nets;
  for (const int64_t steps : {1, 2, 3, 5}) {
    const std::string path = weights_file(options.places, steps);
    if (!std::filesystem::exists(path)) {
      throw Error(path, "isn't there", "weights made by `betimes train iir-snn`");
    }
    nets[steps] = read_net(path);
    if (nets[steps].time_steps != steps) {
      throw Error(path, "is a net of other time steps", std::to_string(steps));
    }
  }
  return std::make_unique<Ladder>(std::move(nets), fashion_task(fashion_folder));
}

system::Claim claim(const char* id, const char* text, const char* paper, const char* how,
                    system::Direction direction, double bound, const char* unit, bool in_quick) {
  return {id, text, paper, how, direction, bound, unit, in_quick};
}

std::vector<system::Claim> claims() {
  const auto most = system::Direction::at_most, least = system::Direction::at_least;
  return {
      claim("near-dnn", "One time step loses little against the DNN",
            "CIFAR-10: 93.05 % with one step, DNN 94.10 %",
            "accuracy of the DNN minus that of the ladder's net of one step, Fashion-MNIST", most,
            3, "points", false),
      claim("near-five-steps", "One time step loses little against five", "",
            "accuracy of the ladder's net of five steps minus that of one", most, 2, "points",
            false),
      claim("ladder-helps", "Going down step by step beats training one step directly",
            "direct training at one step from the converted net fails",
            "accuracy of the ladder minus that of one step trained from the converted net with as "
            "many gradient steps",
            least, 1, "points", false),
      claim("conversion-fails", "Conversion alone is near chance at one step", "",
            "accuracy of the converted net at one step; chance is 0.1", most, 0.3, "", false),
      claim("conversion-needs-steps", "Conversion alone needs many steps",
            "converted nets need 100 to 2500 steps",
            "the least of 1, 5, 32, 128 steps within 5 points of the DNN (256: none is)", least, 32,
            "steps", false),
      claim("latency", "Latency falls with the steps",
            "5 to 2500 times lower than other spiking nets",
            "median time of five steps over that of one, packed path, one image", least, 4, "x",
            true),
      claim("beats-dense", "One step on packed spikes beats the DNN's dense kernels", "",
            "median time of the DNN in fp32 over that of the net of one step, one image", least, 1,
            "x", true),
      claim("quieter", "Spikes become fewer down the ladder", "",
            "the least ratio of spikes an image of one stage to those of the next", least, 1, "x",
            true),
      claim("energy", "Far less energy than the DNN by operation count", "25 to 33 x",
            "45 nm model, DNN over one step; not a measurement", least, 5, "x", true),
  };
}

}  // namespace

std::string weights_file(const system::Places& places, int64_t time_steps) {
  const std::string stem = time_steps == 0 ? std::string("dnn") : fmt::format("t{}", time_steps);
  return (std::filesystem::path(places.weights) / "iir-snn" / (stem + ".safetensors")).string();
}

}  // namespace betimes::systems::iir_snn

namespace betimes::system {

System iir_snn_system() {
  System system;
  system.slug = "iir-snn";
  system.title = "IIR-SNN";
  system.domain = "spiking";
  system.families = {Family::fit, Family::reuse};
  system.summary =
      "shrinks a spiking net's time steps from five to one, each net trained from the longer one";
  system.paper = {
      "One Timestep is All You Need: Training Spiking Neural Networks with Ultra Low "
      "Latency",
      "October 2021", "", "SayeedChowdhury/IIR-SNN"};
  system.knobs = systems::iir_snn::knob_space();
  system.claims = systems::iir_snn::claims();
  system.open = systems::iir_snn::open;
  system.learns = true;
  return system;
}

}  // namespace betimes::system
