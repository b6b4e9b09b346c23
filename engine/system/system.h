#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/sensitivity.h"
#include "betimes/fit/workload.h"
#include "betimes/judge/detector.h"
#include "betimes/judge/series_metric.h"
#include "betimes/system/claim.h"
#include "betimes/tensor/tensor.h"

namespace betimes::system {

class Study;

/// What a technique does for latency.
enum class Family { know, fit, adapt, reuse, anticipate, stream, serve, judge };
const char* name(Family family);

struct Paper {
  std::string title;
  std::string date;   // "May 2024"
  std::string venue;  // "KDD 2024"; empty: none known
  std::string code;   // public code, "owner/name"; empty: none
};

/// Where a system finds data and keeps what it learns.
struct Places {
  std::string data;     // folder of data sets that are not installed packages; empty: none
  std::string weights;  // folder of trained weights
};

struct TrainOptions {
  Places places;
  uint64_t seed = 1;
  int threads = 2;
  bool quick = false;  // seconds instead of minutes: to see that it works
  bool resume = false;
  std::map<std::string, std::string> set;        // --set name=value; names that train() knows
  std::function<void(const std::string&)> line;  // one line an epoch
};

struct OpenOptions {
  Places places;
  uint64_t seed = 1;
  int threads = 1;
};

/// One of the published techniques, as the verbs see it. A folder systems/<domain>/<slug>/ defines
/// `System <slug>_system()` (hyphens become underscores); `train` and `reproduce` are attached
/// where LibTorch is, from the functions `<slug>_train` and `<slug>_reproduce` that the folder's
/// train.cc and reproduce.cc define.
struct System {
  std::string slug;
  std::string title;
  std::string domain;
  std::vector<Family> families;
  std::string summary;  // one line: what it does
  Paper paper;
  fit::KnobSpace knobs;
  std::vector<Claim> claims;
  /// The predictor with its task, ready to be set, run and scored: what `fit` works on. Empty where
  /// there is nothing to fit.
  std::function<std::unique_ptr<fit::Workload>(const OpenOptions&)> open;
  /// A way to find out which layers bear a lower precision, which `fit --sensitivity` can use.
  std::function<std::unique_ptr<fit::SensitivityMethod>()> sensitivity;
  /// Metrics of scored series that `judge` can use.
  std::function<std::vector<std::unique_ptr<judge::SeriesMetric>>()> series_metrics;
  /// Detectors of anomalies in series that `judge` can run.
  std::function<std::vector<std::unique_ptr<judge::Detector>>()> detectors;

  bool learns = false;  // the folder has a train.cc
  std::function<void(const TrainOptions&)> train;
  std::function<void(Study&)> reproduce;
};

/// What `betimes show` tells of a system, for a terminal of `width` columns, or as the object that
/// docs/json.md describes.
std::string render_text(const System& system, int width);
std::string render_json(const System& system);

/// The one called `slug`; throws Error that lists those there are.
const System& find(const std::vector<System>& systems, const std::string& slug);

}  // namespace betimes::system
