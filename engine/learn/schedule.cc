#include "betimes/learn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "betimes/base/error.h"

namespace betimes::learn {
namespace {

/// From `from` at 0 to `to` at 1.
double half_cosine(double from, double to, double at) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * at));
}

}  // namespace

Schedule constant() {
  return [](double) { return 1.0; };
}

Schedule cosine(double warm_up, double start, double end) {
  if (!(warm_up >= 0 && warm_up < 1)) throw Error("cosine", "warm_up isn't in [0, 1)");
  return [=](double progress) {
    if (progress < warm_up) return start + (1 - start) * progress / warm_up;
    return half_cosine(1, end, (progress - warm_up) / (1 - warm_up));
  };
}

Schedule one_cycle(double up, double start, double end) {
  if (!(up > 0 && up < 1)) throw Error("one_cycle", "up isn't in (0, 1)");
  return [=](double progress) {
    if (progress < up) return half_cosine(start, 1, progress / up);
    return half_cosine(1, end, (progress - up) / (1 - up));
  };
}

Schedule steps(std::vector<double> milestones, double factor) {
  return [milestones = std::move(milestones), factor](double progress) {
    const auto passed = std::count_if(milestones.begin(), milestones.end(),
                                      [&](double milestone) { return progress >= milestone; });
    return std::pow(factor, static_cast<double>(passed));
  };
}

Plateau::Plateau(double factor, int patience, double threshold, double least)
    : factor_(factor), threshold_(threshold), least_(least), patience_(patience) {
  if (!(factor > 0 && factor < 1) || patience < 0) {
    throw Error("plateau", "needs a factor in (0, 1) and no negative patience");
  }
}

double Plateau::observe(double score) {
  if (!any_ || score > best_ + threshold_ * std::abs(best_)) {
    any_ = true;
    best_ = score;
    waited_ = 0;
  } else if (++waited_ > patience_) {
    now_ = std::max(least_, now_ * factor_);
    waited_ = 0;
  }
  return now_;
}

std::vector<double> Plateau::state() const {
  return {now_, best_, static_cast<double>(waited_), any_ ? 1.0 : 0.0};
}

void Plateau::load_state(const std::vector<double>& state) {
  if (state.size() != 4) throw Error("plateau", "its state isn't four numbers");
  now_ = state[0];
  best_ = state[1];
  waited_ = static_cast<int>(state[2]);
  any_ = state[3] != 0;
}

}  // namespace betimes::learn
