#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// NumPy's .npy format, versions 1 to 3, little endian, C or Fortran order (the tensor is always
/// row-major). Throws Error for anything else (objects, structures, big endian), and for data that
/// is shorter or longer than the header says, naming the file.
Tensor read_npy(const std::string& path);
/// The same from memory; `where` names the source in messages.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& where);

/// Writes version 1. NumPy has no bfloat16: such tensors are written as float32, which is exact.
void write_npy(const Tensor& tensor, const std::string& path);

}  // namespace betimes::import
