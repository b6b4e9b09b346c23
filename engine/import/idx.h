#pragma once

#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// The IDX format of MNIST and its relatives, plain or gzip-compressed. Throws Error naming the
/// file when it is malformed or shorter than its header says.
Tensor read_idx(const std::string& path);

}  // namespace betimes::import
