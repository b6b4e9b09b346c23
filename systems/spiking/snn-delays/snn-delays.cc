#include "systems/spiking/snn-delays/snn-delays.h"

#include <filesystem>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/judge/metric.h"
#include "systems/spiking/snn-delays/delay_stream.h"
#include "systems/spiking/snn-delays/spoken_digits.h"

namespace betimes::systems::snn_delays {
namespace {

fit::KnobSpace knob_space() {
  using Values = std::vector<fit::Value>;
  fit::KnobSpace space;
  space.add({"net", fit::Categories{Values{std::string("learned"), std::string("none")}},
             std::string("learned"), "with learned delays up to 24 bins, or without any"});
  space.add({"margin", fit::Reals{0, 1, false}, 1.0,
             "the lead of the best class that ends listening; 1: hears everything"});
  space.add({"path", fit::Categories{Values{std::string("events"), std::string("recall")}},
             std::string("events"), "how currents are computed; the answers are the same"});
  return space;
}

/// Spoken digits, takes 0 to 4 tested, one recording a request.
class Listener final : public fit::Workload {
 public:
  Listener(std::map<std::string, Net> nets, Splits data)
      : knobs_(knob_space()), nets_(std::move(nets)), data_(std::move(data)) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    margin_ = std::get<double>(setting.at("margin"));
    stream_.emplace(nets_.at(std::get<std::string>(setting.at("net"))),
                    parse_path(std::get<std::string>(setting.at("path"))));
  }

  void run() override { listen(*stream_, data_.test, next_++ % data_.test.size(), margin_); }

  judge::Quality quality(fit::Part part) override {
    const SpikeTrains& trains = part == fit::Part::validation ? data_.validation : data_.test;
    std::vector<double> scores;
    for (int64_t i = 0; i < trains.size(); ++i) {
      const Reading found = listen(*stream_, trains, i, margin_);
      scores.push_back(found.best == trains.labels[static_cast<size_t>(i)] ? 1 : 0);
    }
    return judge::summarize(scores);
  }

  size_t memory_bytes() const override { return stream_->memory_bytes(); }

 private:
  fit::KnobSpace knobs_;
  std::map<std::string, Net> nets_;
  Splits data_;
  std::optional<DelayStream> stream_;
  double margin_ = 1;
  int64_t next_ = 0;
};

std::unique_ptr<fit::Workload> open(const system::OpenOptions& options) {
  std::map<std::string, Net> nets;
  const Cochlea cochlea;
  for (const char* name : {"learned", "none"}) {
    const std::string path = weights_file(options.places, name);
    if (!std::filesystem::exists(path)) {
      throw Error(path, "isn't there", "weights made by `betimes train snn-delays`");
    }
    nets[name] = read_net(path);
    if (nets[name].channels() != cochlea.bands || nets[name].classes() != 10) {
      throw Error(path, "doesn't hear 40 bands and tell 10 digits");
    }
  }
  Splits data = load_spoken_digits(digits_folder(options.places), DigitSplit::official, 0, cochlea);
  if (data.test.size() == 0 || data.validation.size() == 0) {
    throw Error(digits_folder(options.places), "has no recordings to test or validate");
  }
  return std::make_unique<Listener>(std::move(nets), std::move(data));
}

system::Claim claim(const char* id, const char* text, const char* how, system::Direction direction,
                    double bound, const char* unit, bool in_quick) {
  return {id, text, "", how, direction, bound, unit, in_quick};
}

std::vector<system::Claim> claims() {
  const auto most = system::Direction::at_most, least = system::Direction::at_least;
  const char* synthetic = "Synthetic, classes differ in lags only: ";
  std::vector<system::Claim> all = {
      claim("coincide-none", "without delays near chance",
            "test accuracy of the net without delays; chance is 0.1", most, 0.3, "", false),
      claim("coincide-random", "fixed random delays help",
            "accuracy with random delays minus without any", least, 10, "points", false),
      claim("coincide-learned", "learned delays help more",
            "accuracy with learned delays minus with random ones", least, 10, "points", false),
      claim("coincide-rounded", "rounding the positions costs nothing",
            "accuracy with Gaussians minus with rounded positions", most, 1, "points", false),
      claim("digits-learned", "Spoken digits of an unheard speaker: learned delays help",
            "accuracy with learned delays minus without any", least, 2, "points", false),
      claim("digits-order", "Spoken digits: learned over random over none",
            "the lesser of learned minus random and random minus none", least, 0, "points", false),
      claim("same-spikes", "Hearing event by event is the rounded convolution",
            "share of hidden spikes that differ between the two", most, 1e-3, "", true),
      claim("fewer-operations", "Far fewer operations than dense",
            "one addition a synapse and bin, over those that spikes cause", least, 3, "x", true),
      claim("real-time", "Much faster than speech",
            "99th percentile of a bin's time over its 10 ms", most, 0.05, "", true)};
  for (size_t i = 0; i < 4; ++i) all[i].text = synthetic + all[i].text;
  all[4].paper = "SHD 95.07 %, SSC 80.69 %, GSC 95.35 %; learned over random over none";
  return all;
}

}  // namespace

std::string weights_file(const system::Places& places, const std::string& net) {
  return (std::filesystem::path(places.weights) / "snn-delays" / (net + ".safetensors")).string();
}

std::string digits_folder(const system::Places& places) {
  if (places.data.empty()) throw Error("spoken digits", "need a folder of data", "--data FOLDER");
  return (std::filesystem::path(places.data) / "spoken-digits").string();
}

}  // namespace betimes::systems::snn_delays

namespace betimes::system {

System snn_delays_system() {
  System system;
  system.slug = "snn-delays";
  system.title = "SNN-delays";
  system.domain = "spiking";
  system.families = {Family::stream, Family::know};
  system.summary =
      "spiking nets with a learned delay a synapse: speech heard bin by bin, event by "
      "event, answered as soon as the lead is large enough";
  system.paper = {
      "Learning Delays in Spiking Neural Networks using Dilated Convolutions with "
      "Learnable Spacings",
      "June 2023", "ICLR 2024", "Thvnvtos/SNN-delays"};
  system.knobs = systems::snn_delays::knob_space();
  system.claims = systems::snn_delays::claims();
  system.open = systems::snn_delays::open;
  system.learns = true;
  return system;
}

}  // namespace betimes::system
