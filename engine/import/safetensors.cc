#include "betimes/import/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

using Json = nlohmann::json;

// The format's own limit (huggingface/safetensors, README, "Format").
constexpr uint64_t header_limit = 100'000'000;
constexpr int depth_limit = 8;

const std::map<std::string, DType>& type_names() {
  static const std::map<std::string, DType> types = {
      {"F64", DType::f64},     {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16},
      {"I64", DType::i64},     {"I32", DType::i32}, {"I16", DType::i16}, {"I8", DType::i8},
      {"U64", DType::u64},     {"U32", DType::u32}, {"U16", DType::u16}, {"U8", DType::u8},
      {"BOOL", DType::boolean}};
  return types;
}

std::optional<DType> type_named(const std::string& name) {
  const auto it = type_names().find(name);
  return it == type_names().end() ? std::nullopt : std::optional(it->second);
}

std::string name_of(DType type, const std::string& where) {
  for (const auto& [text, known] : type_names()) {
    if (known == type) return text;
  }
  throw Error(where, "has type " + std::string(name(type)) + ", which safetensors lacks");
}

uint64_t little_endian(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

/// The header's JSON; refuses nesting that would exhaust the stack.
Json parse_header(std::span<const std::byte> bytes, const std::string& where) {
  bool too_deep = false;
  const char* text = reinterpret_cast<const char*>(bytes.data());
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > depth_limit;
    return !too_deep;
  };
  Json header = Json::parse(text, text + bytes.size(), watch, false);
  if (too_deep || !header.is_object()) throw Error(where, "the header isn't a JSON object");
  return header;
}

std::vector<uint64_t> numbers(const Json& entry, const char* key, const std::string& where) {
  const auto it = entry.find(key);
  const bool array = it != entry.end() && it->is_array();
  std::vector<uint64_t> values;
  if (array) {
    for (const Json& item : *it) {
      if (!item.is_number_unsigned()) break;
      values.push_back(item.get<uint64_t>());
    }
  }
  if (!array || values.size() != it->size()) {
    throw Error(where, std::string("'") + key + "' is malformed", "a list of whole numbers");
  }
  return values;
}

Tensor read_tensor(const Json& entry, std::span<const std::byte> data, const std::string& where) {
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) throw Error(where, "has no 'dtype'");
  const auto type = type_named(dtype->get<std::string>());
  if (!type) throw Error(where, "type " + dtype->get<std::string>() + " isn't supported");
  Shape shape;
  for (const uint64_t extent : numbers(entry, "shape", where)) {
    if (extent > static_cast<uint64_t>(INT64_MAX)) throw Error(where, "an extent is too large");
    shape.push_back(static_cast<int64_t>(extent));
  }
  const auto offsets = numbers(entry, "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    throw Error(where, "its data lies outside the file");
  }
  const size_t bytes = offsets[1] - offsets[0];
  // Compared before the tensor is made: the file's word alone allocates nothing.
  if (byte_size({*type, shape}) != bytes) {
    throw Error(where, "has " + std::to_string(bytes) + " bytes of data",
                to_string(TensorType{*type, shape}));
  }
  Tensor tensor(*type, shape);
  if (bytes > 0) std::memcpy(tensor.mutable_raw(), data.data() + offsets[0], bytes);
  return tensor;
}

struct Parts {
  Json header;
  std::span<const std::byte> data;
};

Parts split(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < 8) throw Error(where, "is too short for a safetensors file");
  const uint64_t length = little_endian(bytes);
  if (length > header_limit || length > bytes.size() - 8) {
    throw Error(where, "says its header has " + std::to_string(length) + " bytes",
                "at most " + std::to_string(bytes.size() - 8));
  }
  return {parse_header(bytes.subspan(8, length), where), bytes.subspan(8 + length)};
}

}  // namespace

std::map<std::string, Tensor> parse_safetensors(std::span<const std::byte> bytes,
                                                const std::string& where) {
  const auto [header, data] = split(bytes, where);
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::string place = where + ": tensor " + name;
    if (!entry.is_object()) throw Error(place, "isn't described by a JSON object");
    tensors[name] = read_tensor(entry, data, place);
  }
  return tensors;
}

std::map<std::string, Tensor> read_safetensors(const std::string& path) {
  return parse_safetensors(read_file(path), path);
}

std::map<std::string, std::string> read_safetensors_metadata(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const Json header = split(bytes, path).header;
  std::map<std::string, std::string> metadata;
  const auto entry = header.find("__metadata__");
  if (entry == header.end()) return metadata;
  if (!entry->is_object()) throw Error(path, "its metadata isn't a JSON object");
  for (const auto& [key, value] : entry->items()) {
    if (!value.is_string()) throw Error(path, "its metadata '" + key + "' isn't a string");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

std::string format_safetensors(const std::map<std::string, Tensor>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  constexpr size_t alignment = 8;
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = data.size();
    if (tensor.bytes() > 0)
      data.append(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes());
    header[name] = {{"dtype", name_of(tensor.dtype(), "tensor " + name)},
                    {"shape", tensor.shape()},
                    {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  while ((text.size() + 8) % alignment != 0) text += ' ';
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return file + text + data;
}

void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  write_file(path, format_safetensors(tensors, metadata));
}

}  // namespace betimes::import
