#include "betimes/fit/searches/detail/policy.h"

#include <algorithm>
#include <cmath>

namespace betimes::fit::detail {
namespace {

size_t draw(const std::vector<double>& probabilities, Random& random) {
  double left = random.uniform();
  for (size_t i = 0; i + 1 < probabilities.size(); ++i) {
    left -= probabilities[i];
    if (left < 0) return i;
  }
  return probabilities.size() - 1;
}

/// Where an ordered value lies in its domain.
double position(const Domain& domain, const Value& value) {
  if (const auto* reals = std::get_if<Reals>(&domain)) {
    return share_of(*reals, std::get<double>(value));
  }
  return static_cast<double>(index_of(domain, value).value());
}

}  // namespace

Policy::Policy(const KnobSpace& space) : knobs_(space.knobs()) {
  for (const Knob& knob : knobs_) {
    levels_.push_back(levels(knob.domain, most_levels));
    logits_.emplace_back(levels_.back().size(), 0.0);
  }
  gradient_ = logits_;
}

std::vector<double> Policy::probabilities(size_t knob) const {
  const std::vector<double>& logits = logits_[knob];
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> result;
  double sum = 0;
  for (const double logit : logits) sum += result.emplace_back(std::exp(logit - largest));
  for (double& p : result) p /= sum;
  return result;
}

Policy::Action Policy::sample(Random& random, double explore) const {
  Action action;
  for (size_t k = 0; k < logits_.size(); ++k) {
    const bool anything = random.uniform() < explore;
    action.push_back(anything ? random.below(logits_[k].size()) : draw(probabilities(k), random));
  }
  return action;
}

Setting Policy::setting(const Action& action) const {
  Setting setting;
  for (size_t k = 0; k < knobs_.size(); ++k) setting[knobs_[k].name] = levels_[k][action[k]];
  return setting;
}

Policy::Action Policy::action(const Setting& setting) const {
  Action action;
  for (size_t k = 0; k < knobs_.size(); ++k) {
    const Domain& domain = knobs_[k].domain;
    const Value& value = setting.at(knobs_[k].name);
    if (std::holds_alternative<Categories>(domain)) {
      action.push_back(index_of(domain, value).value());
      continue;
    }
    const double wanted = position(domain, value);
    const auto farther = [&](const Value& a, const Value& b) {
      return std::fabs(position(domain, a) - wanted) < std::fabs(position(domain, b) - wanted);
    };
    const auto nearest = std::min_element(levels_[k].begin(), levels_[k].end(), farther);
    action.push_back(static_cast<size_t>(nearest - levels_[k].begin()));
  }
  return action;
}

double Policy::log_probability(const Action& action) const {
  double sum = 0;
  for (size_t k = 0; k < action.size(); ++k) sum += std::log(probabilities(k)[action[k]]);
  return sum;
}

double Policy::entropy() const {
  double sum = 0;
  for (size_t k = 0; k < logits_.size(); ++k) {
    for (const double p : probabilities(k)) sum -= p > 0 ? p * std::log(p) : 0;
  }
  return sum;
}

void Policy::add_log_probability_gradient(const Action& action, double weight) {
  for (size_t k = 0; k < action.size(); ++k) {
    const std::vector<double> p = probabilities(k);
    for (size_t i = 0; i < p.size(); ++i) {
      gradient_[k][i] += weight * ((i == action[k] ? 1.0 : 0.0) - p[i]);
    }
  }
}

void Policy::add_entropy_gradient(double weight) {
  for (size_t k = 0; k < logits_.size(); ++k) {
    const std::vector<double> p = probabilities(k);
    double own = 0;
    for (const double each : p) own -= each > 0 ? each * std::log(each) : 0;
    for (size_t i = 0; i < p.size(); ++i) {
      if (p[i] > 0) gradient_[k][i] -= weight * p[i] * (std::log(p[i]) + own);
    }
  }
}

void Policy::step(double rate) {
  for (size_t k = 0; k < logits_.size(); ++k) {
    for (size_t i = 0; i < logits_[k].size(); ++i) {
      logits_[k][i] += rate * gradient_[k][i];
      gradient_[k][i] = 0;
    }
  }
}

}  // namespace betimes::fit::detail
