#pragma once

#include <optional>
#include <string>
#include <vector>

#include "systems/search/common/train_images.h"

namespace betimes::systems::cbnet {

/// Images with the names of their classes, in three parts: weights learn from `training`,
/// thresholds are chosen by `held_out`, nothing is chosen by `test`.
struct DataSet {
  std::string name;
  std::vector<std::string> class_names;
  search::ImageParts parts;
};

/// Fashion-MNIST; throws Error when it isn't installed or has fewer images.
DataSet fashion(int64_t training, int64_t held_out, int64_t test);

/// A quarter of CIFAR-10 in grey, resized to 28x28:
/// <data>/cifar10-subset/{train,test}/<class>/*.jpg, or images.tar.xz there, which the program tar
/// unpacks. Nullopt with the reason in `why_not` where neither is there; throws Error for files
/// that are damaged.
std::optional<DataSet> grey_photographs(const std::string& data, std::string& why_not);

}  // namespace betimes::systems::cbnet
