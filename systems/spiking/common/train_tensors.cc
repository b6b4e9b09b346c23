#include "systems/spiking/common/train_tensors.h"

#include <algorithm>

namespace betimes::systems::spiking {

at::Tensor to_torch(const Tensor& tensor) {
  at::Tensor copy = at::empty(tensor.shape(), at::kFloat);
  std::ranges::copy(tensor.data<float>(), copy.data_ptr<float>());
  return copy;
}

Tensor from_torch(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kFloat).contiguous();
  Tensor copy(DType::f32, Shape(plain.sizes().begin(), plain.sizes().end()));
  std::copy_n(plain.data_ptr<float>(), plain.numel(), copy.mutable_data<float>().begin());
  return copy;
}

}  // namespace betimes::systems::spiking
