#include "betimes/fit/frontier.h"

#include <algorithm>
#include <limits>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

/// Differences of quality below this are no bend worth slowing down for: it scales the knee's axis
/// where the whole frontier is flatter.
constexpr double noticeable_quality = 0.01;

}  // namespace

Frontier::Frontier(const Ledger& ledger) {
  for (const Entry& entry : ledger.entries()) add(entry);
}

void Frontier::add(const Entry& entry) {
  if (!entry.found) return;
  const Outcome& found = *entry.found;
  all_.push_back(entry);
  const auto by_latency = [&](size_t index, double ms) {
    return all_[index].found->latency_ms < ms;
  };
  auto place = std::lower_bound(front_.begin(), front_.end(), found.latency_ms, by_latency);
  const bool equally_fast =
      place != front_.end() && all_[*place].found->latency_ms == found.latency_ms;
  if (equally_fast && all_[*place].found->quality >= found.quality) return;
  if (place != front_.begin() && all_[*(place - 1)].found->quality >= found.quality) return;
  auto beaten = place;
  while (beaten != front_.end() && all_[*beaten].found->quality <= found.quality) ++beaten;
  place = front_.erase(place, beaten);
  front_.insert(place, all_.size() - 1);
}

std::vector<Entry> Frontier::points() const {
  std::vector<Entry> result;
  for (const size_t index : front_) result.push_back(all_[index]);
  return result;
}

bool Frontier::has(const Setting& setting) const {
  return std::any_of(front_.begin(), front_.end(),
                     [&](size_t index) { return all_[index].setting == setting; });
}

const Entry& Frontier::knee() const {
  if (front_.empty()) throw Error("frontier", "is empty", "one evaluated setting at least");
  const Outcome& fastest = at(0);
  const Outcome& best_one = at(front_.size() - 1);
  const double time_span = std::max(best_one.latency_ms - fastest.latency_ms, 1e-12);
  const double span = std::max(best_one.quality - fastest.quality, noticeable_quality);
  size_t found = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < front_.size(); ++i) {
    const double slower = (at(i).latency_ms - fastest.latency_ms) / time_span;
    const double worse = (best_one.quality - at(i).quality) / span;
    if (slower + worse >= least) continue;
    least = slower + worse;
    found = i;
  }
  return all_[front_[found]];
}

const Entry* Frontier::best(const Budget& budget) const {
  const Entry* leader = nearest(budget);
  return leader && holds(budget, *leader->found) ? leader : nullptr;
}

const Entry* Frontier::nearest(const Budget& budget) const {
  const Objective objective = Objective::under(budget);
  const Entry* leader = nullptr;
  for (const Entry& entry : all_) {
    if (!leader || objective.better(entry, *leader)) leader = &entry;
  }
  return leader;
}

double Frontier::hypervolume(double least_quality, double most_ms) const {
  double area = 0;
  for (size_t i = 0; i < front_.size(); ++i) {
    // From this point's latency to the next one's, nothing better than this point is to be had.
    const double next = i + 1 < front_.size() ? at(i + 1).latency_ms : most_ms;
    const double width = std::min(next, most_ms) - at(i).latency_ms;
    area += std::max(width, 0.0) * std::max(at(i).quality - least_quality, 0.0);
  }
  return area;
}

std::optional<double> regret(const Frontier& found, const Frontier& all, const Budget& budget) {
  const Entry* optimum = all.best(budget);
  if (!optimum) return std::nullopt;
  const Entry* reached = found.best(budget);
  if (!reached) return std::numeric_limits<double>::infinity();
  return optimum->found->quality - reached->found->quality;
}

}  // namespace betimes::fit
