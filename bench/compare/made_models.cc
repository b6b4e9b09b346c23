#include "bench/compare/made_models.h"

#include <cmath>

#include "betimes/base/random.h"
#include "betimes/graph/builder.h"
#include "betimes/import/onnx.h"

namespace betimes::bench {
namespace {

using Ints = std::vector<int64_t>;
using Attributes = std::map<std::string, graph::Attribute>;

class Network : public graph::Builder {
 public:
  using Builder::Builder;

  /// Uniform, so large that sums over `inner` such numbers keep the size of what they sum.
  std::string weights(const Shape& shape, int64_t inner) {
    Tensor tensor(DType::f32, shape);
    const double size = std::sqrt(3.0 / static_cast<double>(inner));
    for (float& x : tensor.mutable_data<float>()) {
      x = static_cast<float>(random_.uniform(-size, size));
    }
    return constant(std::move(tensor));
  }
  std::string linear(const std::string& x, int64_t in, int64_t out) {
    const std::string product = node("MatMul", {x, weights({in, out}, in)});
    return node("Add", {weights({out}, 100), product});
  }
  std::string reshaped(const std::string& x, const Ints& extents) {
    return node("Reshape", {x, integers(extents)});
  }
  std::string transposed(const std::string& x, const Ints& order) {
    return node("Transpose", {x}, {{"perm", order}});
  }
  std::string gelu(const std::string& x) {
    const std::string erf = node("Erf", {node("Div", {x, number(std::sqrt(2.0f))})});
    const std::string sum = node("Add", {erf, number(1.0f)});
    return node("Mul", {node("Mul", {x, sum}), number(0.5f)});
  }
  std::string softmax(const std::string& x) {
    return node("Softmax", {x}, {{"axis", int64_t{-1}}});
  }
  void write(const std::string& output, const std::string& path) {
    import::write_onnx(finish({output}), path);
  }

 private:
  Random random_{2026};
};

std::string spelled_layer_norm(Network& net, const std::string& x, int64_t width) {
  const Attributes over = {{"axes", Ints{-1}}, {"keepdims", int64_t{1}}};
  const std::string centred = net.node("Sub", {x, net.node("ReduceMean", {x}, over)});
  const std::string square = net.node("Pow", {centred, net.number(2)});
  const std::string variance = net.node("ReduceMean", {square}, over);
  const std::string root = net.node("Sqrt", {net.node("Add", {variance, net.number(1e-12f)})});
  const std::string scaled =
      net.node("Mul", {net.node("Div", {centred, root}), net.weights({width}, 1)});
  return net.node("Add", {scaled, net.weights({width}, 100)});
}

std::string layer_norm(Network& net, const std::string& x, int64_t width) {
  return net.node("LayerNormalization", {x, net.weights({width}, 1), net.weights({width}, 100)},
                  {{"axis", int64_t{-1}}, {"epsilon", 1e-6f}});
}

void write_bert(const std::string& path) {
  constexpr int64_t layers = 4, width = 256, heads = 4, depth = width / heads, length = 128;
  constexpr int64_t words = 8192;
  Network net("bert");
  const std::string ids = net.input("input_ids", DType::i64, {1, length});
  const std::string mask = net.input("attention_mask", DType::i64, {1, length});
  const std::string kinds = net.input("token_type_ids", DType::i64, {1, length});
  const std::string axes = net.integers({1, 2});
  const std::string seen =
      net.node("Cast", {net.node("Unsqueeze", {mask, axes})}, {{"to", int64_t{1}}});
  const std::string hidden =
      net.node("Mul", {net.node("Sub", {net.number(1.0f), seen}), net.number(-10000)});
  std::string x = net.node("Add", {net.node("Gather", {net.weights({words, width}, 1), ids}),
                                   net.node("Gather", {net.weights({2, width}, 1), kinds})});
  x = net.node("Add", {x, net.weights({1, length, width}, 1)});
  x = spelled_layer_norm(net, x, width);
  for (int64_t layer = 0; layer < layers; ++layer) {
    const auto head = [&](const Ints& order) {
      return net.transposed(net.reshaped(net.linear(x, width, width), {1, length, heads, depth}),
                            order);
    };
    const std::string q = head({0, 2, 1, 3}), k = head({0, 2, 3, 1}), v = head({0, 2, 1, 3});
    const std::string scores = net.node(
        "Div", {net.node("MatMul", {q, k}), net.number(std::sqrt(static_cast<float>(depth)))});
    const std::string shares = net.softmax(net.node("Add", {scores, hidden}));
    const std::string seen_values = net.transposed(net.node("MatMul", {shares, v}), {0, 2, 1, 3});
    const std::string attended =
        net.linear(net.reshaped(seen_values, {1, length, width}), width, width);
    x = spelled_layer_norm(net, net.node("Add", {attended, x}), width);
    const std::string inner = net.gelu(net.linear(x, width, 4 * width));
    x = spelled_layer_norm(net, net.node("Add", {net.linear(inner, 4 * width, width), x}), width);
  }
  net.write(x, path);
}

void write_vit(const std::string& path) {
  constexpr int64_t layers = 12, width = 192, heads = 3, depth = width / heads;
  constexpr int64_t patches = 14 * 14, length = patches + 1;
  Network net("vit");
  const std::string picture = net.input("picture", DType::f32, {1, 3, 224, 224});
  std::string x =
      net.node("Conv", {picture, net.weights({width, 3, 16, 16}, 768), net.weights({width}, 100)},
               {{"kernel_shape", Ints{16, 16}}, {"strides", Ints{16, 16}}});
  x = net.transposed(net.reshaped(x, {1, width, patches}), {0, 2, 1});
  x = net.node("Concat", {net.weights({1, 1, width}, 1), x}, {{"axis", int64_t{1}}});
  x = net.node("Add", {x, net.weights({1, length, width}, 1)});
  for (int64_t layer = 0; layer < layers; ++layer) {
    const std::string joined =
        net.transposed(net.reshaped(net.linear(layer_norm(net, x, width), width, 3 * width),
                                    {1, length, 3, heads, depth}),
                       {2, 0, 3, 1, 4});
    const auto part = [&](int64_t which) {
      return net.node("Gather", {joined, net.constant(Tensor::scalar(which))},
                      {{"axis", int64_t{0}}});
    };
    const std::string q = net.node("Mul", {part(0), net.number(0.125f)});
    const std::string k = net.transposed(part(1), {0, 1, 3, 2});
    const std::string v = part(2);
    const std::string seen = net.transposed(
        net.node("MatMul", {net.softmax(net.node("MatMul", {q, k})), v}), {0, 2, 1, 3});
    x = net.node("Add", {x, net.linear(net.reshaped(seen, {1, length, width}), width, width)});
    const std::string inner = net.gelu(net.linear(layer_norm(net, x, width), width, 4 * width));
    x = net.node("Add", {x, net.linear(inner, 4 * width, width)});
  }
  x = layer_norm(net, x, width);
  const std::string first =
      net.node("Gather", {x, net.constant(Tensor::scalar(int64_t{0}))}, {{"axis", int64_t{1}}});
  net.write(net.linear(first, width, 1000), path);
}

void write_ctr(const std::string& path) {
  constexpr int64_t batch = 128, fields = 26, numbers = 13, size = 16, hidden = 400;
  Network net("ctr");
  const std::string ids = net.input("ids", DType::i64, {batch, fields});
  std::vector<std::string> parts = {net.input("numbers", DType::f32, {batch, numbers})};
  for (int64_t field = 0; field < fields; ++field) {
    const std::string id =
        net.node("Gather", {ids, net.constant(Tensor::scalar(field))}, {{"axis", int64_t{1}}});
    parts.push_back(net.node("Gather", {net.weights({10000, size}, 1), id}));
  }
  std::string x = net.node("Concat", parts, {{"axis", int64_t{1}}});
  int64_t width = numbers + fields * size;
  for (int layer = 0; layer < 3; ++layer, width = hidden) {
    x = net.node("Relu", {net.linear(x, width, hidden)});
  }
  net.write(net.node("Sigmoid", {net.linear(x, hidden, 1)}), path);
}

}  // namespace

void write_made_models(const std::string& folder) {
  write_bert(folder + "/bert.onnx");
  write_vit(folder + "/vit.onnx");
  write_ctr(folder + "/ctr.onnx");
}

}  // namespace betimes::bench
