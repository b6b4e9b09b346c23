#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "betimes/graph/graph.h"

namespace betimes::import::samples {

inline bool same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && std::equal(a.raw(), a.raw() + a.bytes(), b.raw());
}

inline std::string difference(const graph::Graph& a, const graph::Graph& b);

inline bool same(const graph::Attribute& a, const graph::Attribute& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Tensor>) {
          return same(value, std::get<T>(b));
        } else if constexpr (std::is_same_v<T, graph::Subgraph>) {
          return difference(*value, *std::get<T>(b)).empty();
        } else {
          return value == std::get<T>(b);
        }
      },
      a);
}

inline bool same(const graph::Node& a, const graph::Node& b) {
  return a.name == b.name && a.op == b.op && a.domain == b.domain && a.inputs == b.inputs &&
         a.outputs == b.outputs &&
         std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(),
                    b.attributes.end(), [](const auto& x, const auto& y) {
                      return x.first == y.first && same(x.second, y.second);
                    });
}

inline bool same(const std::vector<graph::ValueInfo>& a, const std::vector<graph::ValueInfo>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.dtype == y.dtype && x.dims == y.dims;
  });
}

/// What differs between two graphs, or "" when nothing does.
inline std::string difference(const graph::Graph& a, const graph::Graph& b) {
  if (a.name != b.name) return "name";
  if (a.nodes.size() != b.nodes.size()) return "number of nodes";
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    if (!same(a.nodes[i], b.nodes[i])) return describe(a.nodes[i]);
  }
  if (!same(a.inputs, b.inputs)) return "inputs";
  if (!same(a.outputs, b.outputs)) return "outputs";
  if (a.metadata != b.metadata) return "metadata";
  if (a.constants.size() != b.constants.size()) return "number of constants";
  for (const auto& [name, tensor] : a.constants) {
    if (!b.is_constant(name) || !same(tensor, b.constants.at(name))) return "constant " + name;
  }
  return {};
}

/// The shared folder of models and data: BETIMES_SHARED, or beside the repository.
inline std::filesystem::path shared_folder() {
  if (const char* given = std::getenv("BETIMES_SHARED")) return given;
  return std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
}

/// All .onnx files below a folder, sorted; none where it doesn't exist.
inline std::vector<std::filesystem::path> models_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".onnx") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace betimes::import::samples
