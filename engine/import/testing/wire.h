#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace betimes::import::samples {

/// Writes protocol-buffer fields by number: models for tests that no library would write.
class Wire {
 public:
  Wire& number(uint32_t field, int64_t value) {
    varint(field << 3);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Wire& real(uint32_t field, float value) {
    varint(field << 3 | 5);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
    return *this;
  }
  Wire& text(uint32_t field, const std::string& value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Wire& message(uint32_t field, const Wire& value) { return text(field, value.bytes_); }
  const std::string& str() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

struct WireNode {
  std::string op;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Wire> attributes;
  std::string name;
  std::string domain;
};

inline Wire wire_node(const WireNode& node) {
  Wire wire;
  for (const auto& input : node.inputs) wire.text(1, input);
  for (const auto& output : node.outputs) wire.text(2, output);
  wire.text(3, node.name).text(4, node.op);
  for (const Wire& attribute : node.attributes) wire.message(5, attribute);
  return wire.text(7, node.domain);
}

/// A float input or output; -1 is an extent left open.
inline Wire wire_value(const std::string& name, const std::vector<int64_t>& dims,
                       int64_t type = 1) {
  Wire shape;
  for (const int64_t dim : dims) shape.message(1, dim == -1 ? Wire() : Wire().number(1, dim));
  return Wire().text(1, name).message(2,
                                      Wire().message(1, Wire().number(1, type).message(2, shape)));
}

inline Wire wire_tensor(const std::string& name, int64_t type, const std::vector<int64_t>& dims,
                        const std::string& raw) {
  Wire wire;
  for (const int64_t dim : dims) wire.number(1, dim);
  return wire.number(2, type).text(8, name).text(9, raw);
}

inline std::string wire_model(const Wire& graph, int64_t opset = 17) {
  return Wire()
      .number(1, 8)
      .message(8, Wire().text(1, "").number(2, opset))
      .message(7, graph)
      .str();
}

}  // namespace betimes::import::samples
