#pragma once

#include <map>
#include <span>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// Tensors of a safetensors file by name. Throws Error naming the file for anything malformed: a
/// header that isn't JSON, is longer than the file or than 100 MB, offsets outside the data or
/// that don't fit type and shape, a type that Tensor doesn't have.
std::map<std::string, Tensor> read_safetensors(const std::string& path);
/// The same from memory; `where` names the source in messages.
std::map<std::string, Tensor> parse_safetensors(std::span<const std::byte> bytes,
                                                const std::string& where);

}  // namespace betimes::import
