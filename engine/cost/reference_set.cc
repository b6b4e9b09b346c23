#include "betimes/cost/reference_set.h"

#include <cmath>
#include <utility>

#include "betimes/base/random.h"
#include "betimes/cost/nas_bench_201.h"
#include "betimes/graph/builder.h"

namespace betimes::cost {
namespace {

using Attributes = std::map<std::string, graph::Attribute>;
using Ints = std::vector<int64_t>;

/// A network under construction, layer after layer; `at` is the value it has come to.
class Net : public graph::Builder {
 public:
  Net(const std::string& name, const Shape& shape, uint64_t seed, DType dtype = DType::f32)
      : Builder(name), at(input("x", dtype, shape)), random_(seed) {}

  std::string at;

  /// A layer on `at` and further inputs.
  Net& layer(const std::string& op, std::vector<std::string> more = {},
             const Attributes& attributes = {}) {
    more.insert(more.begin(), at);
    at = node(op, std::move(more), attributes);
    return *this;
  }
  /// Weights whose sums over `fan_in` inputs keep the size of what comes in.
  std::string weights(const Shape& shape, int64_t fan_in) {
    Tensor tensor(DType::f32, shape);
    const double scale = std::sqrt(2.0 / static_cast<double>(fan_in));
    for (float& each : tensor.mutable_data<float>()) {
      each = static_cast<float>(scale * random_.normal());
    }
    return constant(std::move(tensor));
  }

  Net& dense(int64_t in, int64_t out) {
    return layer("Gemm", {weights({out, in}, in), weights({out}, out)}, {{"transB", int64_t{1}}});
  }
  Net& convolution(int64_t in, int64_t out, int64_t kernel, int64_t groups = 1) {
    const int64_t per_group = in / groups;
    const std::string w = weights({out, per_group, kernel, kernel}, per_group * kernel * kernel);
    return layer("Conv", {w, weights({out}, out)}, padded(kernel, groups));
  }
  /// In 8 bits as any ONNX runtime reads it. Weights of seven bits, so that processors without an
  /// instruction for 8-bit dot products compute it in integers, too.
  Net& integer_convolution(int64_t in, int64_t out, int64_t kernel) {
    constexpr int most = 63;
    quantized(0.05f);
    Tensor w(DType::i8, {out, in, kernel, kernel});
    for (int8_t& each : w.mutable_data<int8_t>()) {
      each = static_cast<int8_t>(static_cast<int>(random_.below(2 * most + 1)) - most);
    }
    const double size = most * std::sqrt(static_cast<double>(in * kernel * kernel));
    const Tensor scale = Tensor::from<float>(
        {out}, std::vector<float>(static_cast<size_t>(out), static_cast<float>(2 / size)));
    const std::string real =
        node("DequantizeLinear", {constant(w), constant(scale)}, {{"axis", int64_t{0}}});
    return layer("Conv", {real, weights({out}, out)}, padded(kernel, 1));
  }
  /// `at` through eight bits and back.
  Net& quantized(float scale) {
    const std::string s = constant(Tensor::scalar(scale));
    const std::string zero = constant(Tensor::scalar(uint8_t{128}));
    return layer("QuantizeLinear", {s, zero}).layer("DequantizeLinear", {s, zero});
  }
  Net& relu() { return layer("Relu"); }
  Net& norm(int64_t width) {
    return layer("LayerNormalization", {weights({width}, 2), weights({width}, width)},
                 {{"axis", int64_t{-1}}});
  }

  graph::Graph done() { return finish({at}); }

 private:
  static Attributes padded(int64_t kernel, int64_t groups) {
    const int64_t pad = kernel / 2;
    return {{"kernel_shape", Ints{kernel, kernel}},
            {"pads", Ints{pad, pad, pad, pad}},
            {"group", groups}};
  }

  Random random_;
};

graph::Graph dense() {
  Net net("dense", {1, 2048}, 1);
  return net.dense(2048, 4096).relu().dense(4096, 1000).done();
}

graph::Graph lookup() {
  constexpr int64_t fields = 26, rows = 10'000, width = 16;
  Net net("lookup", {1, fields}, 2, DType::i64);
  const std::string table = net.weights({rows, width}, 2);
  net.at = net.node("Gather", {table, "x"});
  return net.layer("Flatten")
      .dense(fields * width, 64)
      .relu()
      .dense(64, 32)
      .relu()
      .dense(32, 1)
      .layer("Sigmoid")
      .done();
}

graph::Graph convolution() {
  Net net("convolution", {1, 64, 28, 28}, 3);
  return net.convolution(64, 64, 3).relu().convolution(64, 64, 3).relu().done();
}

graph::Graph integer_convolution() {
  Net net("integer-convolution", {1, 64, 28, 28}, 4);
  return net.integer_convolution(64, 64, 3)
      .relu()
      .integer_convolution(64, 64, 3)
      .relu()
      .quantized(0.05f)
      .done();
}

graph::Graph pointwise() {
  Net net("pointwise", {1, 192, 28, 28}, 5);
  return net.convolution(192, 192, 1).relu().convolution(192, 64, 1).done();
}

graph::Graph depthwise() {
  Net net("depthwise", {1, 192, 28, 28}, 6);
  return net.convolution(192, 192, 3, 192).relu().convolution(192, 192, 5, 192).relu().done();
}

/// One encoder layer of four heads: 64 tokens of width 256.
graph::Graph attention() {
  constexpr int64_t tokens = 64, width = 256, heads = 4, head = width / heads;
  Net net("attention", {1, tokens, width}, 7);
  net.norm(width);
  const std::string normed = net.at;
  const std::string shape = net.integers({1, tokens, heads, head});
  const auto part = [&](const Ints& order) {
    net.at = normed;
    return net.layer("MatMul", {net.weights({width, width}, 2 * width)})
        .layer("Reshape", {shape})
        .layer("Transpose", {}, {{"perm", order}})
        .at;
  };
  const std::string q = part({0, 2, 1, 3}), k = part({0, 2, 3, 1}), v = part({0, 2, 1, 3});
  const std::string scale = net.number(1 / std::sqrt(static_cast<float>(head)));
  net.at = net.node("MatMul", {q, k});
  net.layer("Mul", {scale})
      .layer("Softmax", {}, {{"axis", int64_t{-1}}})
      .layer("MatMul", {v})
      .layer("Transpose", {}, {{"perm", Ints{0, 2, 1, 3}}})
      .layer("Reshape", {net.integers({1, tokens, width})})
      .layer("MatMul", {net.weights({width, width}, 2 * width)})
      .layer("Add", {"x"});
  const std::string middle = net.at;
  return net.norm(width)
      .layer("MatMul", {net.weights({width, 4 * width}, width)})
      .relu()
      .layer("MatMul", {net.weights({4 * width, width}, 4 * width)})
      .layer("Add", {middle})
      .done();
}

graph::Graph recurrent() {
  constexpr int64_t steps = 20, in = 64, hidden = 128;
  Net net("recurrent", {steps, 1, in}, 8);
  return net
      .layer("LSTM",
             {net.weights({1, 4 * hidden, in}, 2 * in),
              net.weights({1, 4 * hidden, hidden}, 2 * hidden)},
             {{"hidden_size", hidden}})
      .done();
}

/// Passes over memory that stays in a cache: activations, pooling, a softmax over channels.
graph::Graph elementwise() {
  constexpr int64_t channels = 32;
  Net net("elementwise", {1, channels, 56, 56}, 9);
  const std::string gain = net.weights({1, channels, 1, 1}, 2);
  return net.layer("Sigmoid")
      .layer("Mul", {"x"})
      .layer("Mul", {gain})
      .layer("MaxPool", {},
             {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{1, 1}}, {"pads", Ints{1, 1, 1, 1}}})
      .layer("Softmax", {}, {{"axis", int64_t{1}}})
      .layer("GlobalAveragePool")
      .done();
}

/// Four inverted residual blocks at 14 x 14: many short steps one after the other.
graph::Graph residual() {
  constexpr int64_t width = 32, wide = 128;
  Net net("residual", {1, width, 14, 14}, 10);
  for (int block = 0; block < 4; ++block) {
    const std::string before = net.at;
    net.convolution(width, wide, 1)
        .relu()
        .convolution(wide, wide, 3, wide)
        .relu()
        .convolution(wide, width, 1)
        .layer("Add", {before});
  }
  return net.layer("GlobalAveragePool").layer("Flatten").dense(width, 10).done();
}

}  // namespace

const std::vector<ReferenceNet>& reference_nets() {
  static const std::vector<ReferenceNet> all = {
      {"dense", "memory bandwidth", dense},
      {"lookup", "what a call and a step cost", lookup},
      {"convolution", "fp32 arithmetic, 3x3", convolution},
      {"integer-convolution", "int8 arithmetic, 3x3", integer_convolution},
      {"pointwise", "fp32 matrix products", pointwise},
      {"depthwise", "convolutions of one channel", depthwise},
      {"attention", "an encoder layer", attention},
      {"recurrent", "an LSTM, step after step", recurrent},
      {"elementwise", "passes over caches", elementwise},
      {"residual", "many short steps", residual},
  };
  return all;
}

const std::vector<ReferenceNet>* find_reference_set(const std::string& name) {
  if (name == reference_set_name) return &reference_nets();
  if (name == published_set_name) return &nas_bench_201_references(false);
  if (name == whole_published_set_name) return &nas_bench_201_references(true);
  return nullptr;
}

}  // namespace betimes::cost
