#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "betimes/tensor/tensor.h"

namespace onnx {
class TensorProto;
}

namespace betimes::import::detail {

/// ONNX's number of an element type and back.
int32_t onnx_type(DType type);
/// Throws Error naming `where` when we have no such type (strings, complex, 4 and 8 bit floats).
DType from_onnx_type(int32_t type, const std::string& where);

/// Reads tensors whose data lies in files beside the model.
class ExternalData {
 public:
  /// `directory`: where the model lies; nullopt: external data is refused.
  explicit ExternalData(std::optional<std::string> directory) : directory_(std::move(directory)) {}
  Tensor read(const onnx::TensorProto& proto, const TensorType& type, const std::string& where);

 private:
  using Key = std::tuple<std::string, uint64_t, uint64_t, DType>;
  std::string resolve(const std::string& location, const std::string& where) const;

  std::optional<std::string> directory_;
  std::map<Key, Tensor> known_;            // tied weights share their memory
  std::map<std::string, uint64_t> taken_;  // bytes read per file
};

/// The tensor; its extents are checked against the data before anything is allocated.
Tensor from_proto(const onnx::TensorProto& proto, ExternalData& external, const std::string& where);
void to_proto(const Tensor& tensor, onnx::TensorProto& proto);

}  // namespace betimes::import::detail
