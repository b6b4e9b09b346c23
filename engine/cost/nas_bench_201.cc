#include "betimes/cost/nas_bench_201.h"

#include <cmath>
#include <optional>
#include <set>
#include <sstream>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/graph/builder.h"

namespace betimes::cost {
namespace {

using Ints = std::vector<int64_t>;

constexpr int cells = 5, nodes = 4;
constexpr int64_t widths[] = {16, 32, 64};
constexpr int64_t classes = 10, size = 32;

/// Operators of the edges into each node but the first: operators[node - 1][from].
using Cell = std::vector<std::vector<std::string>>;

Cell parse(const std::string& text) {
  static const std::set<std::string> operators = {"none", "skip_connect", "nor_conv_1x1",
                                                  "nor_conv_3x3", "avg_pool_3x3"};
  const auto refuse = [&]() {
    return Error("cell " + text, "is none of NAS-Bench-201", "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|");
  };
  Cell cell;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line, '+');) {
    std::vector<std::string>& edges = cell.emplace_back();
    if (line.size() < 2 || line.front() != '|' || line.back() != '|') throw refuse();
    std::istringstream parts(line.substr(1, line.size() - 2));
    for (std::string part; std::getline(parts, part, '|');) {
      const size_t mark = part.find('~');
      if (mark == std::string::npos || part.substr(mark + 1) != std::to_string(edges.size())) {
        throw refuse();
      }
      edges.push_back(part.substr(0, mark));
      if (!operators.contains(edges.back())) throw refuse();
    }
    if (edges.size() != cell.size()) throw refuse();
  }
  if (cell.size() != nodes - 1) throw refuse();
  return cell;
}

class Net : public graph::Builder {
 public:
  Net(const std::string& name, bool whole) : Builder(name), whole_(whole), random_(201) {}

  std::string convolution(const std::string& x, int64_t in, int64_t out, int64_t kernel,
                          int64_t stride = 1) {
    const int64_t pad = kernel / 2;
    return node("Conv",
                {x, weights({out, in, kernel, kernel}, in * kernel * kernel), weights({out}, 100)},
                {{"kernel_shape", Ints{kernel, kernel}},
                 {"pads", Ints{pad, pad, pad, pad}},
                 {"strides", Ints{stride, stride}}});
  }
  std::string relu(const std::string& x) { return node("Relu", {x}); }
  std::string average(const std::string& x, int64_t kernel, int64_t stride, int64_t pad) {
    return node("AveragePool", {x},
                {{"kernel_shape", Ints{kernel, kernel}},
                 {"pads", Ints{pad, pad, pad, pad}},
                 {"strides", Ints{stride, stride}}});
  }
  std::string weights(const Shape& shape, int64_t fan_in) {
    Tensor tensor(DType::f32, shape);
    const double scale = std::sqrt(3.0 / static_cast<double>(fan_in));
    for (float& each : tensor.mutable_data<float>()) {
      each = static_cast<float>(random_.uniform(-scale, scale));
    }
    return constant(std::move(tensor));
  }

  /// What an edge adds to its node; nullopt: nothing.
  std::optional<std::string> edge(const std::string& op, const std::string& x, int64_t width) {
    if (op == "none") {
      return whole_ ? std::optional(node("Mul", {x, number(0)})) : std::nullopt;
    }
    if (op == "skip_connect") return x;
    if (op == "nor_conv_1x1") return convolution(relu(x), width, width, 1);
    if (op == "nor_conv_3x3") return convolution(relu(x), width, width, 3);
    return average(x, 3, 1, 1);
  }

  std::string cell(const Cell& operators, const std::string& x, int64_t width) {
    std::vector<std::optional<std::string>> values = {x};
    for (const auto& edges : operators) {
      std::optional<std::string> sum;
      for (size_t from = 0; from < edges.size(); ++from) {
        if (!values[from]) continue;
        const std::optional<std::string> part = edge(edges[from], *values[from], width);
        if (part) sum = sum ? node("Add", {*sum, *part}) : *part;
      }
      values.push_back(sum);
    }
    // Nothing reaches its end: zeros go on.
    return values.back() ? *values.back() : node("Mul", {x, number(0)});
  }

  std::string reduction(const std::string& x, int64_t in, int64_t out) {
    const std::string first = convolution(relu(x), in, out, 3, 2);
    const std::string second = convolution(relu(first), out, out, 3);
    return node("Add", {convolution(average(x, 2, 2, 0), in, out, 1), second});
  }

 private:
  bool whole_;
  Random random_;
};

struct Published {
  const char* name;
  const char* cell;
};
constexpr Published published[] = {
    {"11982",
     "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"},
    {"431", "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"},
    {"55", "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|skip_connect~1|none~2|"},
    {"9", "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"},
    {"14451", "|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_1x1~2|"},
    {"8636",
     "|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"},
    {"9881",
     "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"},
    {"13479",
     "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~"
     "2|"},
    {"6196", "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"},
    {"1462",
     "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~"
     "2|"}};

}  // namespace

graph::Graph nas_bench_201(const std::string& name, const std::string& cell, bool whole) {
  const Cell operators = parse(cell);
  Net net(name, whole);
  const std::string image = net.input("x", DType::f32, {1, 3, size, size});
  int64_t width = widths[0];
  std::string x = net.convolution(image, 3, width, 3);
  for (const int64_t next : widths) {
    if (next != width) x = net.reduction(x, width, next);
    width = next;
    for (int i = 0; i < cells; ++i) x = net.cell(operators, x, width);
  }
  const std::string mean = net.node("Flatten", {net.node("GlobalAveragePool", {net.relu(x)})});
  return net.finish({net.node(
      "Gemm", {mean, net.weights({width, classes}, width), net.weights({classes}, 100)})});
}

const std::vector<ReferenceNet>& nas_bench_201_references(bool whole) {
  const auto make = [](bool each_edge) {
    std::vector<ReferenceNet> nets;
    for (const Published& each : published) {
      nets.push_back({each.name, "architecture " + std::string(each.name), [each, each_edge] {
                        return nas_bench_201(each.name, each.cell, each_edge);
                      }});
    }
    return nets;
  };
  static const std::vector<ReferenceNet> all = make(true), pruned = make(false);
  return whole ? all : pruned;
}

}  // namespace betimes::cost
