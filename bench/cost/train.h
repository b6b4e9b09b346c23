#pragma once

#include <string>
#include <vector>

#include "bench/cost/samples.h"

namespace betimes::bench {

struct TrainOptions {
  int rounds = 300;
  int depth = 8;
  double rate = 0.08;
  int threads = 1;
  uint64_t seed = 1;
};

/// Kernels to learn from: where they were measured, and how much each counts.
struct Lesson {
  const cost::Device* device = nullptr;
  const cost::KernelTime* kernel = nullptr;
  double weight = 1;
};

/// What a kernel adds to its model's error goes with its share of the time; that the many small
/// ones are got right, too, serves small models.
Lesson lesson(const cost::Device& device, const cost::KernelTime& kernel, double network_ms);

/// XGBoost's model in its JSON format: the logarithm of each kernel's time over its baseline, by
/// cost::features. Throws Error when XGBoost fails.
std::string train_kernels(const std::vector<Lesson>& lessons, const TrainOptions& options);

}  // namespace betimes::bench
