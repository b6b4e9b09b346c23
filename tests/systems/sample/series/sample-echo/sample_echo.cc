// A system as someone outside this repository would write it.
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/system/system.h"

namespace betimes::system {
namespace {

/// An echo of a sound that dies away: the more reflections, the nearer to all of them, and the
/// longer it takes.
class Echo : public fit::Workload {
 public:
  Echo() {
    knobs_.add({"reflections", fit::Integers{1, 6}, int64_t{6}, "reflections that are added up"});
    knobs_.add({"carpets", fit::flag(), false, "walls that keep less of the sound"});
  }
  const fit::KnobSpace& knobs() const override { return knobs_; }
  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    reflections_ = std::get<int64_t>(setting.at("reflections"));
    kept_ = std::get<bool>(setting.at("carpets")) ? 0.1 : 0.5;
  }
  void run() override {
    for (int64_t i = 0; i < reflections_ * 1000; ++i) heard_ = heard_ * kept_ + 1;
  }
  judge::Quality quality(fit::Part) override {
    const double heard = 1 - std::pow(kept_, static_cast<double>(reflections_));
    return {heard, heard, heard, 0.95, 1};
  }

 private:
  fit::KnobSpace knobs_;
  int64_t reflections_ = 6;
  double kept_ = 0.5;
  volatile double heard_ = 0;
};

}  // namespace

System sample_echo_system() {
  System system;
  system.slug = "sample-echo";
  system.title = "Says again what it hears";
  system.domain = "series";
  system.families = {Family::stream};
  system.summary = "repeats its input, one step later";
  system.paper = {"On Echoes", "May 1893", "", ""};
  system.claims = {{"late", "An echo comes one step late.", "1",
                    "steps between a click and its echo", Direction::at_most, 1, "steps", true},
                   {"loud", "An echo is as loud as what caused it.", "1.0",
                    "loudness of a click's echo", Direction::at_least, 1, "", false}};
  system.open = [](const OpenOptions& options) -> std::unique_ptr<fit::Workload> {
    if (options.seed == 13) throw Error("sample-echo", "is superstitious");
    return std::make_unique<Echo>();
  };
  return system;
}

}  // namespace betimes::system
