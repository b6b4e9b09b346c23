#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// The IDX format of MNIST and its relatives, plain or gzip-compressed: u8, i8, i16, i32, f32 and
/// f64 arrays of 1 to 8 dimensions. Throws Error naming the file when it is malformed, or shorter
/// or longer than its header says.
Tensor read_idx(const std::string& path);
/// The same from memory; `where` names the source in messages.
Tensor parse_idx(std::span<const std::byte> bytes, const std::string& where);

}  // namespace betimes::import
