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

/// The tensors as a safetensors file, in the order of their names, the data aligned to
/// 8 bytes; `metadata` goes into the header. Throws Error for an element type that the format
/// lacks.
std::string format_safetensors(const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata = {});
/// The same into a file, replaced as a whole.
void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});
/// The metadata of a file's header; empty where it has none. Throws Error as read_safetensors.
std::map<std::string, std::string> read_safetensors_metadata(const std::string& path);

}  // namespace betimes::import
