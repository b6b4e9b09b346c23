#pragma once

#include <functional>
#include <string>

#include "betimes/learn/image_dataset.h"
#include "betimes/learn/training.h"
#include "betimes/system/system.h"
#include "systems/search/interlayer-ptq/train_nets.h"

namespace betimes::systems::interlayer_ptq {

inline constexpr const char* fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

std::string weights_file(const std::string& folder, const std::string& net);

struct NetTraining {
  uint64_t seed = 1;
  bool quick = false;
  bool resume = false;
  std::string checkpoint;
};
/// Adam with a one-cycle rate on randomly moved and mirrored images; the weights with the best
/// validation accuracy are kept.
learn::Trained train_net(NetImpl& net, const learn::ImageSplits& data, const NetTraining& how,
                         const std::function<void(const learn::Epoch&)>& report);

/// Share of the first `count` images that the net names right, in evaluation mode.
double hit_rate(NetImpl& net, const learn::ImageDataset& set, int64_t count);
/// Mean cross-entropy of the same.
double mean_loss(NetImpl& net, const learn::ImageDataset& set, int64_t count);

}  // namespace betimes::systems::interlayer_ptq
