#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "betimes/base/statistics.h"
#include "betimes/measure/machine.h"
#include "betimes/system/system.h"

namespace betimes::system {

/// A claim with what was found of it.
struct Finding {
  Claim claim;
  Estimate found;
  Verdict verdict = Verdict::not_shown;
};

using Cell = std::variant<double, std::string>;

/// Figures that stand beside the claims: variants and baselines, one row each.
struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
};

/// Lines or points of one colour in a picture. `low` and `high` are empty, or bounds as long as x.
struct Series {
  std::string name;
  std::vector<double> x, y, low, high;
  bool line = true;
};

struct Picture {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  std::vector<Series> series;
};

/// What one reproduction found: the content of results/<slug>.json.
struct Reproduction {
  std::string slug;
  bool quick = false;
  std::string date;    // ISO 8601, UTC
  std::string commit;  // of the sources; "unknown" outside a repository
  measure::Machine machine;
  int threads = 1;
  std::vector<uint64_t> seeds;
  double seconds = 0;
  std::vector<Finding> findings;
  std::vector<Table> tables;
  std::vector<Picture> pictures;   // the first one is the system's picture
  std::vector<std::string> notes;  // data and sizes, what can't be shown and why
};

/// Scores of variants over seeds: metric -> variant -> one value a seed.
class Scores {
 public:
  void add(const std::string& metric, const std::string& variant, double value);
  const std::vector<double>& of(const std::string& metric, const std::string& variant) const;
  /// Mean over seeds with its 95 % interval.
  Estimate mean(const std::string& metric, const std::string& variant) const;
  /// Mean of variant - baseline over the seeds, paired.
  Estimate difference(const std::string& metric, const std::string& variant,
                      const std::string& baseline) const;
  /// Geometric mean of variant / baseline over the seeds, paired; values must be positive.
  Estimate ratio(const std::string& metric, const std::string& variant,
                 const std::string& baseline) const;
  /// Variants down, metrics across, "mean" or "mean +- half interval".
  Table table(const std::string& title) const;

 private:
  std::vector<std::string> metrics_, variants_;  // in the order they came
  std::map<std::pair<std::string, std::string>, std::vector<double>> values_;
};

/// One variant of an experiment: what it scores with a seed, by metric.
struct Variant {
  std::string name;
  std::function<std::map<std::string, double>(uint64_t seed)> run;
};

struct ReproduceOptions {
  Places places;
  bool quick = false;
  int threads = 2;
  uint64_t seed = 1;
  int seeds = 0;  // how many; 0: the system's own number
  std::function<void(double fraction, const std::string& what)> progress;  // may be empty
};

/// One reproduction on its way: the system's reproduce() tells it what it finds.
class Study {
 public:
  Study(const System& system, const ReproduceOptions& options);

  bool quick() const { return options_.quick; }
  int threads() const { return options_.threads; }
  const Places& places() const { return options_.places; }
  uint64_t seed() const { return options_.seed; }
  /// seed(), seed() + 1, ...: `standard` of them unless the user asked for another number.
  std::vector<uint64_t> seeds(int standard);

  /// Runs every variant with every seed, interleaved: seed by seed, the variants of a seed in a
  /// shuffled order, so that the machine's drift falls on all alike.
  Scores run(const std::vector<Variant>& variants, const std::vector<uint64_t>& seeds);

  void progress(double fraction, const std::string& what) const;
  /// What was found of the claim `id`; throws std::logic_error for a claim that isn't declared or
  /// already has evidence.
  void evidence(const std::string& id, const Estimate& found);
  /// Why nothing can be measured of it here.
  void not_shown(const std::string& id, const std::string& why);
  void table(Table table);
  void picture(Picture picture);
  void note(std::string text);

  /// The findings in the order of the claims. Throws std::logic_error when a claim has neither
  /// evidence nor a reason (claims that --quick can't show are left out there).
  Reproduction finish();

 private:
  const System& system_;
  ReproduceOptions options_;
  Reproduction result_;
  std::map<std::string, Finding> found_;
};

/// Runs the system's reproduction: what `betimes reproduce` does.
Reproduction reproduce(const System& system, const ReproduceOptions& options);

}  // namespace betimes::system
