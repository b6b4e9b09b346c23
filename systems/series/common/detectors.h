#pragma once

#include <memory>
#include <vector>

#include "betimes/judge/detector.h"

/// Detectors that every comparison wants beside it. All see the whole series and have no labels,
/// except `perfect`; each column is standardised, and what they find in several columns is added in
/// squares.
namespace betimes::systems::series {

struct DetectorOptions {
  int64_t window = 100;  // points of windows and of moving averages
  int64_t order = 10;    // of the autoregression
};

/// random, perfect (repeats the labels), z-score, moving-average, autoregression, seasonal-naive,
/// pca.
std::vector<std::unique_ptr<judge::Detector>> detectors(const DetectorOptions& options = {});

/// Coefficients a of x_t = a_1 x_{t-1} + ... + a_p x_{t-p} + noise by the Yule-Walker equations,
/// for values of mean 0. Zeros for a constant series.
std::vector<double> autoregression(const std::vector<double>& values, int64_t order);

}  // namespace betimes::systems::series
