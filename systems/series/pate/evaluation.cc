#include "systems/series/pate/evaluation.h"

#include <algorithm>
#include <cmath>

#include "betimes/judge/metric.h"
#include "systems/series/common/anomgen.h"
#include "systems/series/common/detectors.h"
#include "systems/series/pate/naive.h"
#include "systems/series/pate/pate.h"

namespace betimes::systems::pate {
namespace {

constexpr int64_t points = 4000;
constexpr int64_t anomalies = 12;
constexpr int64_t buffer = 100;
constexpr int finest_splits = 5;
constexpr uint64_t series_per_part = 8;

struct Scored {
  std::vector<uint8_t> labels;
  std::vector<double> scores;
  double exact = 0;
};

Options with(int64_t thresholds, int splits) {
  Options options;
  options.early = options.late = buffer;
  options.thresholds = thresholds;
  options.splits = splits;
  return options;
}

Scored make_scored(uint64_t seed) {
  series::AnomgenOptions options;
  options.points = points;
  options.anomalies = anomalies;
  judge::Series series = series::anomgen(options, seed);
  std::vector<double> scores;
  for (const auto& detector : series::detectors()) {
    if (detector->name() == "autoregression") scores = detector->scores(series, seed);
  }
  const double exact = Scorer(series.labels, with(0, finest_splits)).area(scores);
  return {std::move(series.labels), std::move(scores), exact};
}

class Evaluation : public fit::Workload {
 public:
  explicit Evaluation(uint64_t seed) : knobs_(evaluation_knobs()) {
    for (uint64_t i = 0; i < series_per_part; ++i) {
      validation_.push_back(make_scored(seed + 2 * i));
      test_.push_back(make_scored(seed + 2 * i + 1));
    }
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    incremental_ = std::get<std::string>(setting.at("method")) == "incremental";
    options_ = with(std::get<int64_t>(setting.at("thresholds")),
                    static_cast<int>(std::get<int64_t>(setting.at("splits"))));
  }

  void run() override {
    last_ = evaluate(validation_[next_]);
    next_ = (next_ + 1) % validation_.size();
  }

  judge::Quality quality(fit::Part part) override {
    std::vector<double> found;
    for (const Scored& scored : part == fit::Part::validation ? validation_ : test_) {
      const double off = std::fabs(evaluate(scored) - scored.exact) / scored.exact;
      found.push_back(std::max(0.0, 1 - off));
    }
    return judge::summarize(found);
  }

 private:
  double evaluate(const Scored& scored) const {
    return incremental_ ? Scorer(scored.labels, options_).area(scored.scores)
                        : naive_area(scored.labels, scored.scores, options_);
  }

  fit::KnobSpace knobs_;
  std::vector<Scored> validation_, test_;
  bool incremental_ = true;
  Options options_;
  size_t next_ = 0;
  double last_ = 0;  // kept, so that no compiler may leave the work out
};

}  // namespace

fit::KnobSpace evaluation_knobs() {
  fit::KnobSpace knobs;
  knobs.add({"method", fit::Categories{{std::string("incremental"), std::string("definition")}},
             std::string("incremental"),
             "the same value; the definition takes time per threshold"});
  knobs.add({"thresholds", fit::Categories{{int64_t{0}, int64_t{250}, int64_t{50}}}, int64_t{0},
             "0: all, exact; fewer cost precision and, by the definition, save time"});
  knobs.add({"splits", fit::Integers{1, finest_splits, 1}, int64_t{1},
             "buffers per side beside 0; time grows with their square"});
  return knobs;
}

std::unique_ptr<fit::Workload> open_evaluation(const system::OpenOptions& options) {
  return std::make_unique<Evaluation>(options.seed);
}

}  // namespace betimes::systems::pate
