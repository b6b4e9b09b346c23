#include <algorithm>
#include <cmath>
#include <limits>

#include "betimes/fit/searches/detail/factories.h"
#include "betimes/fit/searches/detail/fresh.h"
#include "betimes/fit/searches/detail/gaussian_process.h"

namespace betimes::fit::detail {
namespace {

// A fit costs the cube of the points and a proposal their square for each candidate: more points
// than this would cost more than most evaluations.
constexpr size_t most_points = 300;
constexpr uint64_t all_candidates = 2000;  // a space as small is looked through
constexpr int random_candidates = 512;
constexpr int near_candidates = 32;  // of each of the best
constexpr size_t best_kept = 5;
constexpr double least_pressure = 1e-9;

Eigen::VectorXd encoded(const KnobSpace& space, const Setting& setting) {
  const std::vector<double> code = space.encode(setting);
  return Eigen::Map<const Eigen::VectorXd>(code.data(), static_cast<Eigen::Index>(code.size()));
}

/// What a model has been told.
struct Seen {
  Setting setting;
  double quality = 0;   // the score, where the objective has no constraint
  double pressure = 0;  // its logarithm: latencies multiply
};

GaussianProcess fit_process(const KnobSpace& space, const std::vector<Seen>& seen,
                            double Seen::*what) {
  const auto count = static_cast<Eigen::Index>(seen.size());
  const Eigen::Index width = encoded(space, seen.front().setting).size();
  Eigen::MatrixXd inputs(count, width);
  Eigen::VectorXd values(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    inputs.row(i) = encoded(space, seen[static_cast<size_t>(i)].setting);
    values(i) = seen[static_cast<size_t>(i)].*what;
  }
  return GaussianProcess(std::move(inputs), values);
}

/// Bayesian optimisation: one Gaussian process for quality and one for the logarithm of the
/// pressure on the budget; the candidate with the greatest expected improvement of quality times
/// the probability that the budget holds is next (Gardner et al., Bayesian Optimization with
/// Inequality Constraints, ICML 2014), or just that probability while nothing has kept the budget.
/// Without a constraint one process models the score. Several at a time: each is believed to turn
/// out as expected ("kriging believer"; Ginsbourger et al. 2010).
class BayesianSearch : public Search {
 public:
  BayesianSearch(Ingredients made_of, int initial, int batch)
      : with_(std::move(made_of)), initial_(initial), batch_(batch) {}

  std::vector<Setting> propose(const Ledger& ledger, int count) override {
    Random random = random_for(with_.seed, ledger);
    Fresh fresh(with_.space, ledger);
    std::vector<Seen> seen = points(ledger);
    const auto tried = [&] { return ledger.size() + static_cast<size_t>(fresh.size()); };
    const auto anything = [&] {
      return fresh.draw([&](int) { return with_.space.sample(random); }, random);
    };
    if (tried() == 0 && count > 0) fresh.take(with_.space.standard());
    while (fresh.size() < count) {
      const bool too_few = seen.empty() || tried() < static_cast<size_t>(initial_);
      const std::vector<Setting> among =
          too_few ? std::vector<Setting>() : candidates(ledger, fresh, random);
      if (among.empty()) {
        if (!anything()) break;
        continue;
      }
      Seen next = most_promising(seen, among);
      fresh.take(next.setting);
      seen.push_back(std::move(next));
    }
    return std::move(fresh).settings();
  }
  int batch() const override { return batch_; }

 private:
  bool bounds_latency() const {
    const Budget& budget = with_.objective.budget();
    return with_.objective.constrained() && (!budget.bounds.empty() || budget.memory);
  }

  /// Half of the points are the best ones, the rest the latest.
  std::vector<Seen> points(const Ledger& ledger) const {
    std::vector<const Entry*> entries;
    for (const Entry& entry : ledger.entries()) {
      if (entry.found) entries.push_back(&entry);
    }
    if (entries.size() > most_points) {
      const auto begin = entries.begin();
      const auto half = static_cast<std::ptrdiff_t>(most_points / 2);
      std::stable_sort(begin, entries.end(), [&](const Entry* a, const Entry* b) {
        return with_.objective.better(*a, *b);
      });
      std::sort(begin + half, entries.end(), std::greater<>());  // by place in the ledger
      entries.resize(most_points);
    }
    std::vector<Seen> seen;
    for (const Entry* entry : entries) {
      const double pressure = std::max(with_.objective.pressure(*entry->found), least_pressure);
      if (!std::isfinite(pressure)) continue;
      const bool constrained = with_.objective.constrained();
      seen.push_back({entry->setting, constrained ? entry->found->quality : with_.objective(*entry),
                      std::log(pressure)});
    }
    return seen;
  }

  std::vector<Setting> candidates(const Ledger& ledger, const Fresh& fresh, Random& random) const {
    std::vector<Setting> result;
    const auto add = [&](Setting setting) {
      if (fresh.is_new(setting)) result.push_back(std::move(setting));
    };
    const auto all = with_.space.size();
    if (all && *all <= all_candidates) {
      for (Setting& setting : with_.space.enumerate(all_candidates)) add(std::move(setting));
      return result;
    }
    for (int i = 0; i < random_candidates; ++i) add(with_.space.sample(random));
    std::vector<const Entry*> best;
    for (const Entry& entry : ledger.entries()) best.push_back(&entry);
    const size_t kept = std::min(best_kept, best.size());
    std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(kept), best.end(),
                      [&](const Entry* a, const Entry* b) {
                        if (with_.objective.better(*a, *b)) return true;
                        return !with_.objective.better(*b, *a) && a < b;
                      });
    for (size_t k = 0; k < kept; ++k) {
      for (int i = 0; i < near_candidates; ++i) add(with_.space.mutate(best[k]->setting, random));
    }
    return result;
  }

  Seen most_promising(const std::vector<Seen>& seen, const std::vector<Setting>& among) const {
    const GaussianProcess quality = fit_process(with_.space, seen, &Seen::quality);
    std::optional<GaussianProcess> pressure;
    if (bounds_latency()) pressure = fit_process(with_.space, seen, &Seen::pressure);
    const double best = best_quality(seen);
    Seen found;
    double most = -1;
    for (const Setting& setting : among) {
      const Eigen::VectorXd code = encoded(with_.space, setting);
      const Belief of_quality = quality.predict(code);
      const Belief of_pressure = pressure ? pressure->predict(code) : Belief{};
      const double promise = promise_of(of_quality, of_pressure, best);
      if (promise <= most) continue;
      most = promise;
      found = {setting, of_quality.mean, of_pressure.mean};
    }
    return found;
  }

  /// Of what has kept the budget; -infinity: nothing has.
  double best_quality(const std::vector<Seen>& seen) const {
    double best = -std::numeric_limits<double>::infinity();
    const auto& floor = with_.objective.budget().quality_floor;
    for (const Seen& each : seen) {
      if (bounds_latency() && each.pressure > 0) continue;
      if (with_.objective.constrained() && floor && each.quality < *floor) continue;
      best = std::max(best, each.quality);
    }
    return best;
  }

  double promise_of(const Belief& quality, const Belief& pressure, double best) const {
    double likely = 1;
    if (bounds_latency()) likely *= probability_below(pressure, 0);
    const auto& floor = with_.objective.budget().quality_floor;
    if (with_.objective.constrained() && floor) likely *= 1 - probability_below(quality, *floor);
    return std::isfinite(best) ? likely * expected_improvement(quality, best) : likely;
  }

  Ingredients with_;
  int initial_, batch_;
};

}  // namespace

std::unique_ptr<Search> make_bayesian(Ingredients ingredients, Parameters& parameters) {
  const int initial = parameters.count("initial", 8, 1, 100'000);
  const int batch = parameters.count("batch", 1, 1, 10'000);
  return std::make_unique<BayesianSearch>(std::move(ingredients), initial, batch);
}

}  // namespace betimes::fit::detail
