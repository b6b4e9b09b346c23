#pragma once

#include <torch/nn.h>

#include <cstdint>

namespace betimes::learn {

/// conv 3x3 - batch norm - ReLU - conv 3x3 - batch norm, plus the input, then ReLU.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  explicit ResidualBlockImpl(int64_t channels);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::nn::Conv2d first_{nullptr}, second_{nullptr};
  torch::nn::BatchNorm2d first_norm_{nullptr}, second_norm_{nullptr};
};
TORCH_MODULE(ResidualBlock);

/// The project's default model: a small residual network for 28x28 grey images, ten classes.
/// f32 [N, 1, 28, 28], pixels in 0..1 (black background = 0) -> logits f32 [N, 10].
///
/// Dense 3x3 convolutions throughout: on AVX2 they gain most from int8, depthwise ones lose. There
/// is no separate normalisation of the input: the stem's batch norm does it, and so the zero
/// padding is the images' own background, which a shift by the mean would make grey.
class FashionClassifierImpl : public torch::nn::Module {
 public:
  struct Widths {
    int64_t stem = 32, middle = 64, top = 96;
  };
  FashionClassifierImpl() : FashionClassifierImpl(Widths()) {}
  explicit FashionClassifierImpl(Widths widths);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::nn::Conv2d stem_{nullptr}, to_middle_{nullptr}, to_top_{nullptr};
  torch::nn::BatchNorm2d stem_norm_{nullptr}, middle_norm_{nullptr}, top_norm_{nullptr};
  ResidualBlock middle_{nullptr}, top_{nullptr};
  torch::nn::Linear head_{nullptr};
};
TORCH_MODULE(FashionClassifier);

}  // namespace betimes::learn
