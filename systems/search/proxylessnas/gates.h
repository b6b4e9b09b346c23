#pragma once

#include <utility>
#include <vector>

#include "betimes/base/random.h"

// Architecture weights: what ProxylessNAS (Cai, Zhu and Han, ICLR 2019) does with them, apart from
// any network. One vector a layer, one number a candidate.

namespace betimes::systems::proxylessnas {

using Weights = std::vector<double>;

/// Probabilities; safe for any finite weights.
Weights softmax(const Weights& weights);
/// -sum p log p, in nats.
double entropy(const Weights& probabilities);
size_t draw(const Weights& probabilities, Random& random);

/// dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i), p = softmax(alpha): the gates' gradients taken
/// for the probabilities' (equation 4). Throws Error for other lengths.
Weights weight_gradient(const Weights& probabilities, const Weights& gate_gradient);

/// Two candidates drawn without replacement from p; the active one of them by the softmax of their
/// weights alone. Needs two candidates at least.
struct Pair {
  size_t active = 0, inactive = 1;
};
Pair draw_pair(const Weights& weights, Random& random);
/// The softmax over the pair: {active's, inactive's}.
std::pair<double, double> pair_probabilities(const Weights& weights, const Pair& pair);
/// After the pair's weights have moved from `before`: subtracts from both what keeps
/// exp(active) + exp(inactive) as it was, so that the other candidates keep their probabilities.
void keep_mass(Weights& weights, const Weights& before, const Pair& pair);

/// sum p_i F_i, and its derivatives p_i (F_i - E) by the weights.
double expected(const Weights& probabilities, const Weights& costs);
Weights expected_gradient(const Weights& probabilities, const Weights& costs);

/// How cross-entropy and expected latency make one loss.
struct LatencyLoss {
  enum class Form {
    none,            // cross-entropy alone
    additive,        // CE + strength * (E - ref) / ref
    multiplicative,  // scale * CE * (log E / log ref)^strength, times in microseconds
  };
  Form form = Form::additive;
  double strength = 0.1;
  double scale = 0.2;  // multiplicative's
  double reference_ms = 1;

  struct Value {
    double loss = 0;
    double by_cross_entropy = 1;  // derivatives
    double by_latency = 0;        // per millisecond
  };
  /// Throws Error for latencies that aren't positive, and for times of at most a microsecond in the
  /// multiplicative form, whose logarithm is no scale any more.
  Value operator()(double cross_entropy, double expected_ms) const;
};

/// The black-box form: weights move by the mean of (reward - baseline) * d(-log
/// p(choice))/dweights.
class ReinforceBaseline {
 public:
  /// The first mean is the first baseline; later it moves by 0.99 * (mean - baseline) as the
  /// paper's code does.
  void see(double mean_reward);
  double value() const { return value_; }

 private:
  double value_ = 0;
  bool any_ = false;
};
/// d(-log p_choice)/dalpha = p - onehot(choice).
Weights negative_log_gradient(const Weights& probabilities, size_t choice);

/// Adam (Kingma and Ba 2015) without momentum (beta1 = 0), as the paper's code moves architecture
/// weights.
class PlainAdam {
 public:
  explicit PlainAdam(double rate, double beta2 = 0.999) : rate_(rate), beta2_(beta2) {}
  /// The weights whose numbers are in `which`, all when it is empty; others keep their state.
  void step(Weights& weights, const Weights& gradient, const std::vector<size_t>& which = {});

 private:
  double rate_, beta2_;
  std::vector<double> squares_;
  std::vector<int> steps_;
};

}  // namespace betimes::systems::proxylessnas
