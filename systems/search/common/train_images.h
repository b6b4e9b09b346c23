#pragma once

#include <functional>

#include "betimes/learn/training.h"
#include "systems/search/common/train_blocks.h"

namespace betimes::systems::search {

/// Where the Debian package dataset-fashion-mnist puts its files.
inline constexpr const char* fashion_folder = "/usr/share/datasets/fashion-mnist";

/// Images as f32 [N, 1, 28, 28] in 0..1 with labels i64 [N].
struct Images {
  at::Tensor images, labels;
  int64_t size() const { return labels.size(0); }
};

/// Disjoint parts of Fashion-MNIST, drawn by a fixed seed from its training images, and of its test
/// images.
struct ImageParts {
  Images training;  // what weights learn from
  Images held_out;  // what architectures are chosen by
  Images test;      // what nothing is chosen by
};
/// Throws Error when the files aren't there, or don't have so many.
ImageParts fashion_parts(int64_t training, int64_t held_out, int64_t test);

/// Share of the images that the model names right, in evaluation mode.
double image_accuracy(BlockModel& model, const Images& set);

struct ImageTraining {
  int epochs = 8;
  int64_t batch = 64;
  double rate = 0.1;
  uint64_t seed = 1;
  std::string checkpoint;
  bool resume = false;
};
/// SGD with momentum, weight decay 4e-5, label smoothing 0.1 and a one-cycle rate; random shifts by
/// two pixels and mirrors. The last epoch's weights count: the held-out part chooses nothing here.
void train_images(BlockModel& model, const Images& training, const ImageTraining& how,
                  const std::function<void(const learn::Epoch&)>& report = {});

/// Cross-entropy with smoothed labels: 1 - smoothing on the true class, the rest spread over all.
at::Tensor smoothed_loss(const at::Tensor& logits, const at::Tensor& labels,
                         double smoothing = 0.1);

}  // namespace betimes::systems::search
