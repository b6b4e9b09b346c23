#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "betimes/learn/augment.h"
#include "betimes/learn/image_dataset.h"
#include "betimes/learn/training.h"

namespace betimes::learn {

/// SGD with a rate that rises linearly and falls with a cosine to zero.
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

/// Trains `model` ([B, C, H, W] in 0..1 -> logits) in place as train() does; the score of an epoch
/// is the validation accuracy, and the last epoch's weights are kept.
void train_classifier(torch::nn::AnyModule model, const ImageSplits& data,
                      const ClassifierTraining& how,
                      const std::function<void(const Epoch&)>& report);

/// Share of `set` that `model` names right, in evaluation mode.
double accuracy(torch::nn::AnyModule model, const ImageDataset& set, int64_t batch = 500);

/// The number of epochs that the checkpoint's weights have seen, after loading them into `model`.
int load_checkpoint(const std::filesystem::path& path, torch::nn::Module& model);

}  // namespace betimes::learn
