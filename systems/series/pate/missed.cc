#include "systems/series/pate/missed.h"

namespace betimes::systems::pate {

Missed::Missed(std::span<const judge::Stretch> intervals, int64_t points)
    : run_end_(static_cast<size_t>(points)),
      run_start_(static_cast<size_t>(points)),
      hit_(static_cast<size_t>(points)),
      hits_(static_cast<size_t>(points)),
      offsets_(static_cast<size_t>(points)) {
  for (const judge::Stretch& interval : intervals) {
    const auto length = static_cast<double>(interval.length());
    states_.push_back({interval, length, 0, 0});
    sum_ += length;
  }
}

/// Makes runs of the new hit and its neighbours one; gives where it starts.
int64_t Missed::join_runs(const State& state, int64_t at) {
  const auto is_hit = [&](int64_t x) {
    return x >= state.interval.first && x <= state.interval.last && hit_[static_cast<size_t>(x)];
  };
  const int64_t start = is_hit(at - 1) ? run_start_[static_cast<size_t>(at - 1)] : at;
  const int64_t end = is_hit(at + 1) ? run_end_[static_cast<size_t>(at + 1)] : at;
  run_end_[static_cast<size_t>(start)] = end;
  run_start_[static_cast<size_t>(end)] = start;
  hit_[static_cast<size_t>(at)] = true;
  return start;
}

void Missed::count(const State& state, int64_t at) {
  const int64_t n = state.interval.length();
  const auto offset = static_cast<double>(at - state.interval.first);
  for (int64_t i = at - state.interval.first + 1; i <= n; i += i & -i) {
    const auto slot = static_cast<size_t>(state.interval.first + i - 1);
    hits_[slot] += 1;
    offsets_[slot] += offset;
  }
}

double Missed::weigh(const State& state) const {
  const int64_t n = state.interval.length();
  const auto missed = static_cast<double>(n - state.hits);
  const int64_t run = run_end_[static_cast<size_t>(state.first)] - state.first + 1;
  if (state.hits == n || run + 1 >= n) return missed;
  double hits_early = 0;  // at offsets 0..run
  double offsets_early = 0;
  for (int64_t i = run + 1; i > 0; i -= i & -i) {
    const auto slot = static_cast<size_t>(state.interval.first + i - 1);
    hits_early += hits_[slot];
    offsets_early += offsets_[slot];
  }
  double hits = 0;
  double offsets = 0;
  for (int64_t i = n; i > 0; i -= i & -i) {
    const auto slot = static_cast<size_t>(state.interval.first + i - 1);
    hits += hits_[slot];
    offsets += offsets_[slot];
  }
  const auto c = static_cast<double>(run);
  const auto length = static_cast<double>(n);
  const double late = (length - 1 - c) - (hits - hits_early);  // missed points beyond a + c
  const double late_offsets = (length * (length - 1) - c * (c + 1)) / 2 - (offsets - offsets_early);
  const double relief = (c + 1) * late_offsets - late * c * (c + 1) / 2;
  return missed - relief / (length * (length - 1) / 2);
}

void Missed::hit(size_t k, int64_t at) {
  State& state = states_[k];
  const int64_t start = join_runs(state, at);
  count(state, at);
  if (state.hits == 0 || start < state.first) state.first = start;
  ++state.hits;
  sum_ -= state.weight;
  state.weight = weigh(state);
  sum_ += state.weight;
}

}  // namespace betimes::systems::pate
