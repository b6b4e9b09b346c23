#pragma once

#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// NumPy's .npy format, versions 1 to 3, little endian, C or Fortran order.
/// Throws Error for anything else, naming the file.
Tensor read_npy(const std::string& path);
void write_npy(const Tensor& tensor, const std::string& path);

}  // namespace betimes::import
