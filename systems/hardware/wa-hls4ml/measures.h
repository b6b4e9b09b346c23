#pragma once

#include <span>
#include <vector>

#include "systems/hardware/wa-hls4ml/network.h"

namespace betimes::systems::wa_hls4ml {

/// How well one target was predicted, on its own scale.
struct Score {
  double r2 =
      0;  // 1 - squared error over variance; -inf where all true values are alike and missed
  double mae = 0, rmse = 0;
  double smape = 0,
         median_smape = 0;           // percent: mean and median of 200 |p - t| / (|p| + |t| + 1e-8)
  double q25 = 0, q50 = 0, q75 = 0;  // of the relative error (p - t) / t, percent, where t > 0
  double absolute_q75 = 0;           // of its size
  size_t samples = 0;
};

/// Throws Error for other lengths, and for none.
Score score(std::span<const double> predicted, std::span<const double> truth);

/// By Target.
using Scores = std::array<Score, targets>;
Scores score_all(std::span<const Costs> predicted, std::span<const Costs> truth);

}  // namespace betimes::systems::wa_hls4ml
