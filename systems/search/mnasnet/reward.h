#pragma once

namespace betimes::systems::mnasnet {

/// accuracy * (latency / target)^w with w = `within` up to the target and `beyond` above it (Tan et
/// al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, CVPR 2019, equations 2 and
/// 3).
struct Reward {
  double target = 1;  // of what `cost` measures: milliseconds, or multiply-accumulates
  double within = -0.07;
  double beyond = -0.07;

  /// Twice the latency for 5 % more accuracy is an even trade, wherever the target lies.
  static Reward soft(double target) { return {target, -0.07, -0.07}; }
  /// Faster than the target is worth nothing, slower costs in proportion.
  static Reward hard(double target) { return {target, 0, -1}; }

  /// Throws Error unless 0 < accuracy <= 1, cost > 0 and target > 0, all finite.
  double operator()(double accuracy, double cost) const;
};

}  // namespace betimes::systems::mnasnet
