#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <random>

namespace betimes::learn {

/// Random flips, shifts and erased patches for small grey or colour images.
struct Augmentation {
  int64_t shift = 2;        // pixels, each way; what enters from outside is black
  double flip = 0.5;        // probability of a left-right mirror
  double erase = 0.3;       // probability of erasing one patch
  int64_t erase_least = 4;  // side of the patch, pixels
  int64_t erase_most = 10;
};

/// `images` u8 [N, C, H, W], `chosen` i64 [B] -> f32 [B, C, H, W] in 0..1. An erased patch holds
/// noise (Zhong et al., Random Erasing Data Augmentation, 2017).
at::Tensor augmented_batch(const at::Tensor& images, const at::Tensor& chosen,
                           const Augmentation& how, std::mt19937_64& random);

/// The same scaling without the randomness.
at::Tensor plain_batch(const at::Tensor& images);

}  // namespace betimes::learn
