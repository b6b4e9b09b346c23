#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace betimes::report {

/// One detector's scores by every metric asked for.
struct JudgedDetector {
  std::string name;
  std::string source;                         // file of its scores; empty: built in
  std::vector<std::optional<double>> scores;  // nullopt: undefined for these labels
};

struct JudgedMetric {
  std::string name, summary;
};

/// What `betimes judge` did.
struct Judged {
  std::string series;  // file
  int64_t points = 0;
  int64_t intervals = 0;
  int64_t anomalous_points = 0;
  int64_t early = 0, late = 0;
  std::optional<double> threshold = {};  // scores were alarms from here on
  uint64_t seed = 0;
  std::vector<JudgedMetric> metrics;      // the first one ranks
  std::vector<JudgedDetector> detectors;  // best first
};

/// Best first by the first metric; equal ones as they came, what has no score last.
void rank(std::vector<JudgedDetector>& detectors);

/// The object that `judge --json` prints; documented in docs/json.md.
std::string render_json(const Judged& judged);
/// A table of at most `width` columns, in several parts where metrics are many.
std::string render_text(const Judged& judged, int width);

}  // namespace betimes::report
