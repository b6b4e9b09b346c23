#pragma once

#include <functional>
#include <vector>

namespace betimes::learn {

/// The factor on the learning rate at `progress` in [0, 1) of all steps.
using Schedule = std::function<double(double progress)>;

Schedule constant();
/// Linear from `start` to 1 over the share `warm_up`, then half a cosine down to `end` (Loshchilov
/// and Hutter 2017, without restarts).
Schedule cosine(double warm_up = 0, double start = 0.05, double end = 0);
/// Half a cosine up from `start` to 1 over the share `up`, half a cosine down to `end` (Smith and
/// Topin 2018, as LibTorch's Python side has it).
Schedule one_cycle(double up = 0.3, double start = 0.04, double end = 4e-6);
/// Multiplied by `factor` as each of the `milestones`, shares of all steps, has passed.
Schedule steps(std::vector<double> milestones, double factor);

/// The factor falls by `factor` after `patience` observations in a row without an improvement by
/// `threshold` (relative).
class Plateau {
 public:
  Plateau(double factor, int patience, double threshold = 1e-4, double least = 1e-4);
  /// `score`, larger is better, of the epoch that has ended; returns the factor for the next one.
  double observe(double score);
  double factor() const { return now_; }
  /// All that it goes by, to go on later exactly from here.
  std::vector<double> state() const;
  void load_state(const std::vector<double>& state);

 private:
  double factor_, threshold_, least_;
  int patience_;
  int waited_ = 0;
  bool any_ = false;
  double best_ = 0;
  double now_ = 1;
};

}  // namespace betimes::learn
