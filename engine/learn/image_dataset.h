#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>

namespace betimes::learn {

/// Labelled images as they are stored: bytes, not yet scaled or augmented.
struct ImageDataset {
  at::Tensor images;  // u8 [N, C, H, W]
  at::Tensor labels;  // i64 [N]
  int64_t size() const { return labels.size(0); }
};

struct ImageSplits {
  ImageDataset train, validation, test;
};

/// Reads the four IDX files of Fashion-MNIST (gzip, as published) from `folder`. Validation is the
/// last `validation_size` training images; the test images stay apart until the very end. Throws
/// Error naming the file that is missing or malformed.
ImageSplits load_fashion_mnist(const std::filesystem::path& folder, int64_t validation_size = 5000);

}  // namespace betimes::learn
