#include "betimes/judge/metric.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"

namespace betimes::judge {
namespace {

using Values = std::span<const float>;

/// How many classes score higher than `label`; of equal scores the lower class counts as higher, as
/// argmax has it. A label that isn't a number or isn't there is behind everything.
int64_t rank_of(Values output, int64_t label) {
  if (label < 0 || static_cast<size_t>(label) >= output.size()) return INT64_MAX;
  const float own = output[static_cast<size_t>(label)];
  if (std::isnan(own)) return INT64_MAX;
  int64_t ahead = 0;
  for (size_t i = 0; i < output.size(); ++i) {
    ahead += output[i] > own || (output[i] == own && static_cast<int64_t>(i) < label);
  }
  return ahead;
}

int64_t best_class(Values output) {
  int64_t best = -1;
  for (size_t i = 0; i < output.size(); ++i) {
    if (std::isnan(output[i])) continue;
    if (best < 0 || output[i] > output[static_cast<size_t>(best)]) best = static_cast<int64_t>(i);
  }
  return best;
}

double top1(Values output, Values, int64_t label) { return rank_of(output, label) < 1 ? 1 : 0; }

double top5(Values output, Values, int64_t label) { return rank_of(output, label) < 5 ? 1 : 0; }

double agreement(Values output, Values reference, int64_t) {
  const int64_t wanted = best_class(reference);
  return wanted >= 0 && best_class(output) == wanted ? 1 : 0;
}

double cosine(Values output, Values reference, int64_t) {
  const size_t count = std::min(output.size(), reference.size());
  double dot = 0, a = 0, b = 0;
  for (size_t i = 0; i < count; ++i) {
    const double x = output[i], y = reference[i];
    dot += x * y;
    a += x * x;
    b += y * y;
  }
  if (a == 0 && b == 0) return 1;  // both say nothing, and the same
  const double similarity = dot / (std::sqrt(a) * std::sqrt(b));
  return similarity > 0 ? std::min(similarity, 1.0) : 0;  // not a number counts as no likeness
}

struct Entry {
  const char* name;
  const char* summary;
  bool needs_labels;
  double (*score)(Values output, Values reference, int64_t label);
};

/// All metrics; a new one is one line here.
constexpr std::array<Entry, 4> entries = {{
    {"top1", "the label's class has the highest score", true, top1},
    {"top5", "the label's class is among the five highest", true, top5},
    {"agreement", "the same class as the original model (needs no labels)", false, agreement},
    {"cosine", "cosine similarity to the original model's output (needs no labels)", false, cosine},
}};

class ListedMetric : public Metric {
 public:
  explicit ListedMetric(const Entry& entry) : entry_(entry) {}
  std::string name() const override { return entry_.name; }
  std::string summary() const override { return entry_.summary; }
  bool needs_labels() const override { return entry_.needs_labels; }
  double score(Values output, Values reference, int64_t label) const override {
    return entry_.score(output, reference, label);
  }

 private:
  const Entry& entry_;
};

}  // namespace

std::unique_ptr<Metric> make_metric(const std::string& name) {
  for (const Entry& entry : entries) {
    if (name == entry.name) return std::make_unique<ListedMetric>(entry);
  }
  std::string known;
  for (const Entry& entry : entries) known += (known.empty() ? "" : ", ") + std::string(entry.name);
  throw Error("metric", "'" + name + "' isn't known", known);
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.emplace_back(entry.name);
  return names;
}

Quality summarize(const std::vector<double>& scores, double level) {
  Quality quality;
  quality.level = level;
  quality.examples = static_cast<int64_t>(scores.size());
  quality.value = mean(scores);
  const bool proportion =
      std::all_of(scores.begin(), scores.end(), [](double x) { return x == 0 || x == 1; });
  const Interval interval =
      proportion ? wilson_interval(quality.value * static_cast<double>(scores.size()),
                                   quality.examples, level)
                 : normal_interval(scores, level);
  quality.low = std::max(0.0, interval.low);
  quality.high = std::min(1.0, interval.high);
  return quality;
}

}  // namespace betimes::judge
