#include "betimes/import/detail/onnx_tensor.h"

#include <onnx/onnx_pb.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <type_traits>

#include "betimes/base/error.h"

namespace betimes::import::detail {
namespace {

namespace fs = std::filesystem;
using onnx::TensorProto;

// No tensor of a real model comes near; operators' cost grows with the rank.
constexpr int max_rank = 32;

constexpr std::array<int32_t, 13> codes = {1, 11, 10, 16, 3, 2, 5, 4, 6, 12, 7, 13, 9};

constexpr std::array<const char*, 24> type_names = {
    "undefined",      "float32",    "uint8",          "int8",       "uint16",   "int16",
    "int32",          "int64",      "string",         "bool",       "float16",  "float64",
    "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};

TensorType declared_type(const TensorProto& proto, const std::string& where) {
  TensorType type;
  type.dtype = from_onnx_type(proto.data_type(), where);
  if (proto.dims_size() > max_rank) {
    throw Error(where, "has " + std::to_string(proto.dims_size()) + " dimensions",
                "at most " + std::to_string(max_rank));
  }
  type.shape.assign(proto.dims().begin(), proto.dims().end());
  for (const int64_t extent : type.shape) {
    if (extent < 0) throw Error(where, "has a negative extent: " + to_string(type.shape));
  }
  byte_size(type);
  return type;
}

template <class T, class Values>
Tensor from_values(const TensorType& type, const Values& values, const std::string& where) {
  const int64_t wanted = element_count(type.shape);
  if (wanted != values.size()) {
    throw Error(where, "has " + std::to_string(values.size()) + " values",
                std::to_string(wanted) + ", as its shape " + to_string(type.shape) + " says");
  }
  Tensor tensor(type);
  auto out = tensor.mutable_data<T>();
  for (int i = 0; i < values.size(); ++i) {
    const auto value = values.Get(i);
    T& element = out[static_cast<size_t>(i)];
    if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
      element = T{static_cast<uint16_t>(value)};
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      element = static_cast<T>(value);
      if (static_cast<decltype(value)>(element) != value) {
        throw Error(where, "value " + std::to_string(value) + " doesn't fit",
                    std::string(name(type.dtype)));
      }
    } else {
      element = static_cast<T>(value);
    }
  }
  return tensor;
}

Tensor from_raw(const TensorProto& proto, const TensorType& type, const std::string& where) {
  const std::string& raw = proto.raw_data();
  if (raw.size() != byte_size(type)) {
    throw Error(where, "has " + std::to_string(raw.size()) + " bytes of data",
                std::to_string(byte_size(type)) + " for " + to_string(type));
  }
  Tensor tensor(type);
  if (type.dtype == DType::boolean) {  // any byte but 0 and 1 would be an invalid bool
    auto out = tensor.mutable_data<bool>();
    for (size_t i = 0; i < raw.size(); ++i) out[i] = raw[i] != 0;
  } else {
    std::memcpy(tensor.mutable_raw(), raw.data(), raw.size());
  }
  return tensor;
}

Tensor from_fields(const TensorProto& proto, const TensorType& type, const std::string& where) {
  switch (type.dtype) {
    case DType::f32:
      return from_values<float>(type, proto.float_data(), where);
    case DType::f64:
      return from_values<double>(type, proto.double_data(), where);
    case DType::i64:
      return from_values<int64_t>(type, proto.int64_data(), where);
    case DType::u32:
      return from_values<uint32_t>(type, proto.uint64_data(), where);
    case DType::u64:
      return from_values<uint64_t>(type, proto.uint64_data(), where);
    default:
      break;
  }
  return visit(type.dtype, [&](auto zero) {
    return from_values<decltype(zero)>(type, proto.int32_data(), where);
  });
}

uint64_t parse_number(const std::string& text, const std::string& where) {
  uint64_t value = 0;
  if (text.empty() || text.size() > 18)
    throw Error(where, "external data: bad number '" + text + "'");
  for (const char c : text) {
    if (c < '0' || c > '9') throw Error(where, "external data: bad number '" + text + "'");
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

struct Place {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

Place place_of(const TensorProto& proto, const std::string& where) {
  Place place;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") place.location = entry.value();
    if (entry.key() == "offset") place.offset = parse_number(entry.value(), where);
    if (entry.key() == "length") place.length = parse_number(entry.value(), where);
  }
  if (place.location.empty()) throw Error(where, "external data has no location");
  return place;
}

}  // namespace

int32_t onnx_type(DType type) { return codes[static_cast<size_t>(type)]; }

DType from_onnx_type(int32_t type, const std::string& where) {
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == type) return static_cast<DType>(i);
  }
  const bool known = type >= 0 && static_cast<size_t>(type) < type_names.size();
  throw Error(where, "element type " +
                         (known ? std::string(type_names[static_cast<size_t>(type)])
                                : "number " + std::to_string(type)) +
                         " isn't supported");
}

std::string ExternalData::resolve(const std::string& location, const std::string& where) const {
  if (!directory_) throw Error(where, "keeps its data in another file", "a model read from a file");
  const fs::path relative(location);
  bool inside = !relative.is_absolute() && location.find('\0') == std::string::npos;
  for (const fs::path& part : relative) inside = inside && part != "..";
  std::error_code failed;
  const fs::path base = fs::canonical(*directory_, failed);
  const fs::path full = inside && !failed ? fs::canonical(base / relative, failed) : fs::path();
  // A link inside the directory may still lead out of it.
  const auto [end, at] = std::mismatch(base.begin(), base.end(), full.begin(), full.end());
  if (inside && failed) throw Error(where, "external data file " + location + " can't be found");
  if (!inside || end != base.end()) {
    throw Error(where, "external data lies at " + location, "a file in the model's directory");
  }
  if (!fs::is_regular_file(full, failed)) {
    throw Error(where, "external data file " + location + " isn't a regular file");
  }
  return full.string();
}

Tensor ExternalData::read(const TensorProto& proto, const TensorType& type,
                          const std::string& where) {
  const Place place = place_of(proto, where);
  const std::string path = resolve(place.location, where);
  const uint64_t bytes = byte_size(type);
  const uint64_t available = fs::file_size(path);
  if (place.length && *place.length != bytes) {
    throw Error(where, "has " + std::to_string(*place.length) + " bytes of external data",
                std::to_string(bytes) + " for " + to_string(type));
  }
  if (place.offset > available || bytes > available - place.offset) {
    throw Error(where, "external data file " + place.location + " ends before the tensor does",
                std::to_string(bytes) + " bytes at " + std::to_string(place.offset));
  }
  const Key key{path, place.offset, bytes, type.dtype};
  if (const auto it = known_.find(key); it != known_.end()) return it->second.reshaped(type.shape);
  // Overlapping slices of one small file could otherwise add up to any amount of memory.
  taken_[path] += bytes;
  if (taken_[path] > 2 * available) {
    throw Error(where, "external data file " + place.location + " is read more than twice over");
  }
  Tensor tensor(type);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(place.offset));
  file.read(reinterpret_cast<char*>(tensor.mutable_raw()), static_cast<std::streamsize>(bytes));
  if (static_cast<uint64_t>(file.gcount()) != bytes) {
    throw Error(where, "external data file " + place.location + " can't be read");
  }
  if (type.dtype == DType::boolean) {
    for (std::byte& b : std::span(tensor.mutable_raw(), bytes)) b = std::byte{b != std::byte{0}};
  }
  known_[key] = tensor;
  return tensor;
}

Tensor from_proto(const TensorProto& proto, ExternalData& external, const std::string& where) {
  const TensorType type = declared_type(proto, where);
  if (proto.has_segment()) throw Error(where, "is stored in segments, which isn't supported");
  if (proto.data_location() == TensorProto::EXTERNAL) return external.read(proto, type, where);
  if (proto.has_raw_data()) return from_raw(proto, type, where);
  return from_fields(proto, type, where);
}

void to_proto(const Tensor& tensor, TensorProto& proto) {
  proto.set_data_type(onnx_type(tensor.dtype()));
  for (const int64_t extent : tensor.shape()) proto.add_dims(extent);
  proto.set_raw_data(tensor.raw(), tensor.bytes());
}

}  // namespace betimes::import::detail
