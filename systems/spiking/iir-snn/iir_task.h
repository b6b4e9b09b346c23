#pragma once

#include <string>
#include <vector>

#include "betimes/judge/task.h"
#include "systems/spiking/iir-snn/iir_predictor.h"

namespace betimes::systems::iir_snn {

/// Where Debian's dataset-fashion-mnist lies.
inline constexpr const char* fashion_folder = "/usr/share/datasets/fashion-mnist";
/// Training images at the end of the file that choose between settings and checkpoints.
inline constexpr int64_t validation_size = 5000;

/// Fashion-MNIST as numbers in 0..1: validation (the last training images) and test, at most so
/// many of each. Nothing is calibrated. Throws Error naming the file that is missing or malformed.
judge::Task fashion_task(const std::string& folder, int64_t most_validation = validation_size,
                         int64_t most_test = 10000);

std::span<const float> example(const judge::Examples& examples, int64_t index);

/// 1 for each example whose largest logit is its label's, else 0.
std::vector<double> hits(Predictor& predictor, const judge::Examples& examples);
/// Their mean on the packed path.
double accuracy(const Net& net, const judge::Examples& examples);

}  // namespace betimes::systems::iir_snn
