#include "apps/betimes/inputs.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/import/npz.h"

namespace betimes::cli {
namespace {

using graph::ValueInfo;

const ValueInfo* find(const graph::Graph& graph, const std::string& name) {
  for (const ValueInfo& input : graph.inputs) {
    if (input.name == name) return &input;
  }
  return nullptr;
}

std::string input_names(const graph::Graph& graph) {
  std::string names;
  for (const ValueInfo& input : graph.inputs) names += (names.empty() ? "" : ", ") + input.name;
  return names;
}

/// Which input a text is for, and its path.
struct Assignment {
  const ValueInfo* input = nullptr;  // null: not named
  std::string path;
};

Assignment parse(const graph::Graph& graph, const std::string& text) {
  // Names may hold '=' themselves: the longest one that the model has wins.
  for (size_t at = text.rfind('='); at != std::string::npos && at > 0;
       at = text.rfind('=', at - 1)) {
    if (const ValueInfo* input = find(graph, text.substr(0, at))) {
      return {input, text.substr(at + 1)};
    }
  }
  const size_t equals = text.find('=');
  if (equals != std::string::npos && !std::filesystem::exists(text)) {
    throw Error("--input " + text, "the model has no input '" + text.substr(0, equals) + "'",
                input_names(graph));
  }
  return {nullptr, text};
}

std::string position(const Shape& shape, size_t flat) {
  Shape index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = static_cast<int64_t>(flat) % shape[axis];
    flat /= static_cast<size_t>(shape[axis]);
  }
  return to_string(index);
}

void check_numbers(const ValueInfo& input, const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return;
  visit(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto values = tensor.data<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      bool bad = false;
      if constexpr (std::is_floating_point_v<T>) {
        bad = std::isnan(values[i]);
      } else if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
        bad = std::isnan(to_float(values[i]));
      }
      if (!bad) continue;
      throw Error("input " + input.name, "element " + std::to_string(i) + ", at " +
                                             position(tensor.shape(), i) + ", is NaN");
    }
  });
}

bool fits(const ValueInfo& input, const Tensor& tensor) {
  if (input.dtype != tensor.dtype()) return false;
  if (!input.dims) return true;
  if (input.dims->size() != tensor.shape().size()) return false;
  for (size_t i = 0; i < input.dims->size(); ++i) {
    const int64_t extent = (*input.dims)[i].extent;
    if (extent >= 0 && extent != tensor.shape()[i]) return false;
  }
  return true;
}

Tensor load(const ValueInfo& input, const std::string& path) {
  Tensor tensor = import::read_numpy(path);
  if (!fits(input, tensor)) {
    throw Error("input " + input.name, path + " holds " + to_string(tensor.type()),
                to_string(input));
  }
  check_numbers(input, tensor);
  return tensor;
}

/// The place in the name that numpy.savez gives an array when it is told none: arr_0, arr_1 ...
std::optional<size_t> position_of(const std::string& name) {
  constexpr std::string_view prefix = "arr_";
  if (!name.starts_with(prefix)) return std::nullopt;
  size_t place = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, problem] = std::from_chars(name.data() + prefix.size(), end, place);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  return place;
}

/// A path without an input's name. An archive stands for all its arrays: each goes to the input of
/// its name; the others, which must be numbered or the only one, follow without a name.
void spread(const graph::Graph& graph, const std::string& path,
            std::map<std::string, std::string>& named, std::vector<std::string>& unnamed) {
  if (!import::is_npz_file(path)) return unnamed.push_back(path);
  const std::vector<std::string> names = import::list_npz(path);
  if (names.empty()) throw Error("--input " + path, "holds no arrays");
  std::map<size_t, std::string> numbered;
  for (const std::string& name : names) {
    const std::string array = path + ":" + name;
    if (find(graph, name) == nullptr) {
      const std::optional<size_t> place = names.size() == 1 ? 0 : position_of(name);
      if (!place || !numbered.emplace(*place, array).second) {
        throw Error("--input " + path, "the model has no input '" + name + "'", input_names(graph));
      }
    } else if (!named.emplace(name, array).second) {
      throw Error("--input " + path, "gives '" + name + "' a second time");
    }
  }
  for (const auto& [place, array] : numbered) unnamed.push_back(array);
}

/// "16000" or "1,2,3" as a tensor of the input's type: of no dimension, or of one.
Tensor parse_numbers(const ValueInfo& input, const std::string& text, const std::string& where) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    double number = 0;
    const auto [stop, problem] = std::from_chars(at, end, number);
    if (problem != std::errc{} || (stop != end && *stop != ',')) {
      throw Error(where, "'" + text + "' isn't a number or several", "a form like sr=16000");
    }
    numbers.push_back(number);
    if (stop == end) break;
    at = stop + 1;
  }
  const bool scalar = numbers.size() == 1 && (!input.dims || input.dims->empty());
  const Shape shape = scalar ? Shape{} : Shape{static_cast<int64_t>(numbers.size())};
  Tensor tensor = Tensor::from<double>(shape, numbers).cast(input.dtype);
  const Tensor back = tensor.cast(DType::f64);
  for (size_t i = 0; !is_floating(input.dtype) && i < numbers.size(); ++i) {
    if (back.data<double>()[i] != numbers[i]) {
      throw Error(where, "isn't of the input's type", to_string(input));
    }
  }
  if (!fits(input, tensor)) {
    throw Error(where, "is " + to_string(tensor.type()), to_string(input));
  }
  return tensor;
}

void fill(const TensorView& input, Random& random) {
  const size_t bytes = byte_size(input.type);
  if (bytes > 0) std::memset(input.data, 0, bytes);
  visit(input.type.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto count = static_cast<size_t>(input.size());
    for (size_t i = 0; is_floating(input.type.dtype) && i < count; ++i) {
      const auto value = static_cast<float>(random.normal());
      if constexpr (std::is_same_v<T, float16>) {
        input.as<T>()[i] = to_float16(value);
      } else if constexpr (std::is_same_v<T, bfloat16>) {
        input.as<T>()[i] = to_bfloat16(value);
      } else if constexpr (std::is_floating_point_v<T>) {
        input.as<T>()[i] = value;
      }
    }
  });
}

}  // namespace

std::map<std::string, Tensor> read_inputs(const graph::Graph& graph,
                                          const std::vector<std::string>& texts) {
  std::map<std::string, std::string> paths;
  std::vector<std::string> unnamed;
  for (const std::string& text : texts) {
    Assignment assignment = parse(graph, text);
    if (!assignment.input) {
      spread(graph, assignment.path, paths, unnamed);
    } else if (!paths.emplace(assignment.input->name, assignment.path).second) {
      throw Error("--input " + text, "gives '" + assignment.input->name + "' a second time");
    }
  }
  size_t next = 0;
  for (const ValueInfo& input : graph.inputs) {
    if (paths.contains(input.name)) continue;
    if (next == unnamed.size()) {
      throw Error("input " + input.name, "was given no data", "--input " + input.name + "=x.npy");
    }
    paths[input.name] = unnamed[next++];
  }
  if (next < unnamed.size()) {
    throw Error("--input " + unnamed[next], "is one more than the model has inputs",
                input_names(graph));
  }
  std::map<std::string, Tensor> tensors;
  for (const ValueInfo& input : graph.inputs) {
    tensors[input.name] = load(input, paths.at(input.name));
  }
  return tensors;
}

std::map<std::string, Tensor> parse_values(const graph::Graph& graph,
                                           const std::vector<std::string>& texts) {
  std::map<std::string, Tensor> values;
  for (const std::string& text : texts) {
    const std::string where = "--set " + text;
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(where, "names no input and value", "a form like sr=16000");
    }
    const ValueInfo* input = find(graph, text.substr(0, equals));
    if (input == nullptr) {
      throw Error(where, "the model has no input '" + text.substr(0, equals) + "'",
                  input_names(graph));
    }
    const std::string given = text.substr(equals + 1);
    Tensor value =
        import::is_numpy(given) ? load(*input, given) : parse_numbers(*input, given, where);
    if (!values.emplace(input->name, std::move(value)).second) {
      throw Error(where, "gives '" + input->name + "' a second time");
    }
  }
  return values;
}

void fill_inputs(const runtime::Session& session, uint64_t seed) {
  Random random(seed);
  for (const TensorView& input : session.inputs()) fill(input, random);
}

std::map<std::string, Tensor> make_inputs(const graph::Graph& graph,
                                          const std::map<std::string, Shape>& shapes,
                                          uint64_t seed) {
  std::map<std::string, int64_t> symbols;
  for (const auto& [name, shape] : shapes) {
    const ValueInfo* input = find(graph, name);
    if (input == nullptr) {
      throw Error("--shape " + name, "the model has no such input", input_names(graph));
    }
    // A wrong number of dimensions is the session's to refuse.
    for (size_t i = 0; input->dims && i < std::min(input->dims->size(), shape.size()); ++i) {
      symbols.emplace((*input->dims)[i].symbol, shape[i]);
    }
  }
  Random random(seed);
  std::map<std::string, Tensor> inputs;
  for (const ValueInfo& input : graph.inputs) {
    Shape shape;
    if (const auto given = shapes.find(input.name); given != shapes.end()) {
      shape = given->second;
    } else if (input.dims) {
      for (const graph::Dim& dim : *input.dims) {
        const auto symbol = dim.symbol.empty() ? symbols.end() : symbols.find(dim.symbol);
        shape.push_back(dim.extent >= 0           ? dim.extent
                        : symbol == symbols.end() ? 1
                                                  : symbol->second);
      }
    } else {
      throw Error("input " + input.name, "has no declared shape",
                  "--shape " + input.name + "=1,3,224,224");
    }
    Tensor tensor(input.dtype, shape);
    fill(view(tensor), random);
    inputs[input.name] = std::move(tensor);
  }
  return inputs;
}

graph::Graph without_fixed(graph::Graph graph, const std::map<std::string, Tensor>& values) {
  std::erase_if(graph.inputs, [&](const auto& input) { return values.contains(input.name); });
  return graph;
}

}  // namespace betimes::cli
