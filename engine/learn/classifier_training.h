#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "betimes/learn/augment.h"
#include "betimes/learn/image_dataset.h"

namespace betimes::learn {

/// SGD with a one-cycle rate: linear up, cosine down to zero.
struct ClassifierTraining {
  int epochs = 20;
  int64_t batch = 128;
  uint64_t seed = 1;
  double peak_rate = 0.1;
  double warm_up = 0.15;       // share of all steps over which the rate rises to its peak
  double momentum = 0.9;       // Nesterov
  double weight_decay = 5e-4;  // on matrices and kernels only, not on biases and norms
  double label_smoothing = 0.1;
  Augmentation augmentation;
  std::filesystem::path checkpoint;  // empty: none is written
  bool resume = false;
};

struct EpochResult {
  int epoch = 0;  // from 1
  double rate = 0, loss = 0, train_accuracy = 0, validation_accuracy = 0, seconds = 0;
};

/// Trains `model` ([B, C, H, W] in 0..1 -> logits) in place and calls `report` once an epoch. The
/// order and the augmentation of an epoch depend only on the seed and its number, so a resumed run
/// sees what an unbroken one would have seen.
void train_classifier(torch::nn::AnyModule model, const ImageSplits& data,
                      const ClassifierTraining& how,
                      const std::function<void(const EpochResult&)>& report);

/// Share of `set` that `model` names right, in evaluation mode.
double accuracy(torch::nn::AnyModule model, const ImageDataset& set, int64_t batch = 500);

/// The number of epochs that the checkpoint's weights have seen, after loading them into `model`.
int load_checkpoint(const std::filesystem::path& path, torch::nn::Module& model);

}  // namespace betimes::learn
