#pragma once

#include <ATen/ATen.h>

#include "betimes/tensor/tensor.h"

namespace betimes::systems::spiking {

/// Copies between the two kinds of tensors, float32.
at::Tensor to_torch(const Tensor& tensor);
Tensor from_torch(const at::Tensor& tensor);

}  // namespace betimes::systems::spiking
