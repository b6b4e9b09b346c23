#include <algorithm>
#include <limits>
#include <vector>

#include "betimes/runtime/detail/plan_impl.h"

namespace betimes::runtime {
namespace {

constexpr size_t alignment = 64;

size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// Memory that is needed from step `first` to step `last`.
struct Interval {
  size_t bytes = 0;
  size_t first = std::numeric_limits<size_t>::max();
  size_t last = 0;
  size_t* offset = nullptr;

  void use(size_t step) {
    first = std::min(first, step);
    last = std::max(last, step);
  }
  bool overlaps(const Interval& other) const { return first <= other.last && other.first <= last; }
};

std::vector<Interval> find_intervals(Plan::Impl& plan) {
  std::vector<Interval> intervals(plan.storages.size());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const size_t value : plan.steps[i].inputs) intervals[plan.values[value].storage].use(i);
    for (const size_t value : plan.steps[i].outputs) intervals[plan.values[value].storage].use(i);
  }
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    intervals[s].bytes = rounded(plan.storages[s].bytes);
    intervals[s].offset = &plan.storages[s].offset;
  }
  for (size_t s = plan.storages.size(); s-- > 0;) {
    const bool unused = intervals[s].first == std::numeric_limits<size_t>::max();
    if (unused || plan.storages[s].place != Storage::Place::arena) {
      intervals.erase(intervals.begin() + static_cast<std::ptrdiff_t>(s));
    }
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const size_t scratch = plan.steps[i].kernel->scratch_bytes();
    if (scratch > 0) intervals.push_back({rounded(scratch), i, i, &plan.steps[i].scratch_offset});
  }
  return intervals;
}

/// The largest sum of what is needed at one step.
size_t most_alive(const std::vector<Interval>& intervals, size_t steps) {
  std::vector<size_t> alive(steps, 0);
  for (const Interval& interval : intervals) {
    for (size_t step = interval.first; step <= interval.last; ++step) {
      alive[step] += interval.bytes;
    }
  }
  return alive.empty() ? 0 : *std::max_element(alive.begin(), alive.end());
}

/// The smallest gap between the placed intervals alive at the same time that `interval` fits in.
size_t best_gap(const Interval& interval, const std::vector<const Interval*>& placed) {
  size_t best = 0;
  size_t best_size = std::numeric_limits<size_t>::max();
  size_t end = 0;
  for (const Interval* other : placed) {  // by offset
    if (!other->overlaps(interval)) continue;
    if (*other->offset >= end) {
      const size_t gap = *other->offset - end;
      if (gap >= interval.bytes && gap < best_size) {
        best = end;
        best_size = gap;
      }
    }
    end = std::max(end, *other->offset + other->bytes);
  }
  return best_size == std::numeric_limits<size_t>::max() ? end : best;
}

}  // namespace

void plan_memory(Plan::Impl& plan) {
  std::vector<Interval> intervals = find_intervals(plan);
  // Large ones first: small ones then fill the gaps.
  std::stable_sort(intervals.begin(), intervals.end(),
                   [](const Interval& a, const Interval& b) { return a.bytes > b.bytes; });
  std::vector<const Interval*> placed;
  plan.memory.arena = 0;
  plan.memory.arena_least = most_alive(intervals, plan.steps.size());
  for (const Interval& interval : intervals) {
    *interval.offset = best_gap(interval, placed);
    plan.memory.arena = std::max(plan.memory.arena, *interval.offset + interval.bytes);
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), &interval,
        [](const Interval* a, const Interval* b) { return *a->offset < *b->offset; });
    placed.insert(after, &interval);
  }
}

}  // namespace betimes::runtime
