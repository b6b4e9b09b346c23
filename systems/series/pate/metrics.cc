#include "systems/series/pate/pate.h"

namespace betimes::systems::pate {
namespace {

Options with_buffers(const judge::SeriesOptions& buffers) {
  Options options;
  options.early = buffers.early;
  options.late = buffers.late;
  return options;
}

class PateArea : public judge::SeriesMetric {
 public:
  std::string name() const override { return "pate"; }
  std::string summary() const override {
    return "alarms in an interval, from its onset on, and near it; over all thresholds";
  }
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const judge::SeriesOptions& options) const override {
    judge::check_series(labels, scores);
    return Scorer(labels, with_buffers(options)).area(scores);
  }
};

class PateF1 : public judge::SeriesMetric {
 public:
  std::string name() const override { return "pate-f1"; }
  std::string summary() const override {
    return "the same of one set of alarms, at the best threshold";
  }
  double score(std::span<const uint8_t> labels, std::span<const double> scores,
               const judge::SeriesOptions& options) const override {
    judge::check_series(labels, scores);
    return Scorer(labels, with_buffers(options)).best_f1(scores);
  }
};

}  // namespace

std::vector<std::unique_ptr<judge::SeriesMetric>> metrics() {
  std::vector<std::unique_ptr<judge::SeriesMetric>> all;
  all.push_back(std::make_unique<PateArea>());
  all.push_back(std::make_unique<PateF1>());
  return all;
}

}  // namespace betimes::systems::pate
