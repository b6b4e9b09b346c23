#include "bench/cost/corpus_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace betimes::bench {

int64_t Net::between(int64_t low, int64_t high) {
  const double x =
      random.uniform(std::log(static_cast<double>(low)), std::log(static_cast<double>(high) + 1));
  return std::clamp(static_cast<int64_t>(std::exp(x)), low, high);
}

std::string Net::weights(const Shape& shape, int64_t fan_in) {
  Tensor tensor(DType::f32, shape);
  const double size = std::sqrt(3.0 / static_cast<double>(std::max<int64_t>(fan_in, 1)));
  for (float& each : tensor.mutable_data<float>()) {
    each = static_cast<float>(random.uniform(-size, size));
  }
  return constant(std::move(tensor));
}

std::string activation(Net& net, const std::string& x, int64_t kind) {
  switch (kind) {
    case 1:
      return net.node("Relu", {x});
    case 2:
      return net.node("Clip", {x, net.number(0), net.number(6)});
    case 3:
      return net.node("Mul", {x, net.node("Sigmoid", {x})});
    case 4:
      return net.node("Mul", {x, net.node("HardSigmoid", {x}, {{"alpha", 1.0f / 6}})});
    case 5:
      return net.node("LeakyRelu", {x}, {{"alpha", 0.1f}});
    case 6: {
      const std::string up =
          net.node("Clip", {net.node("Add", {x, net.number(3)}), net.number(0), net.number(6)});
      return net.node("Mul", {x, net.node("Div", {up, net.number(6)})});
    }
    default:
      return x;
  }
}

Picture convolve(Net& net, Picture p, const Convolution& c) {
  const int64_t in = p.channels / c.groups, pad = c.kernel / 2;
  const bool flat = p.high == 1;
  const int64_t tall = flat ? 1 : c.kernel;
  const int64_t fan_in = in * c.kernel * tall;
  const std::string w = net.weights({c.out, in, tall, c.kernel}, fan_in);
  const Ints pads = flat ? Ints{0, pad, 0, pad} : Ints{pad, pad, pad, pad};
  const int64_t down = flat ? 1 : c.stride;
  p.at = net.node("Conv", {p.at, w, net.weights({c.out}, 10)},
                  {{"kernel_shape", Ints{tall, c.kernel}},
                   {"pads", pads},
                   {"strides", Ints{down, c.stride}},
                   {"group", c.groups}});
  p.at = activation(net, p.at, c.activation);
  p.high = (p.high - 1) / down + 1;
  p.wide = (p.wide - 1) / c.stride + 1;
  p.channels = c.out;
  net.macs += static_cast<double>(c.out * fan_in) * static_cast<double>(p.high * p.wide);
  return p;
}

Picture start(Net& net, int64_t channels, int64_t high, int64_t wide) {
  return {net.input("x", DType::f32, {1, channels, high, wide}), channels, high, wide};
}

std::string dense(Net& net, const std::string& x, int64_t in, int64_t out, int64_t rows) {
  net.macs += static_cast<double>(in * out * rows);
  return net.node("Add",
                  {net.node("MatMul", {x, net.weights({in, out}, in)}), net.weights({out}, 10)});
}

std::string classify(Net& net, const Picture& p) {
  const std::string mean = net.node("Flatten", {net.node("GlobalAveragePool", {p.at})});
  return net.node("Softmax", {dense(net, mean, p.channels, net.between(2, 1000))},
                  {{"axis", int64_t{-1}}});
}

Picture excite(Net& net, Picture p) {
  const int64_t inner = std::max<int64_t>(p.channels / 4, 4);
  Picture gate{net.node("GlobalAveragePool", {p.at}), p.channels, 1, 1};
  gate = convolve(net, gate, {.out = inner, .kernel = 1});
  gate = convolve(net, gate, {.out = p.channels, .kernel = 1, .activation = 0});
  p.at = net.node("Mul", {p.at, net.node("HardSigmoid", {gate.at}, {{"alpha", 1.0f / 6}})});
  return p;
}

std::string norm(Net& net, const std::string& x, int64_t width) {
  return net.node("LayerNormalization", {x, net.weights({width}, 1), net.weights({width}, 100)},
                  {{"axis", int64_t{-1}}});
}

std::string gelu(Net& net, const std::string& x) {
  const std::string erf = net.node("Erf", {net.node("Div", {x, net.number(std::sqrt(2.0f))})});
  return net.node("Mul",
                  {net.node("Mul", {x, net.node("Add", {erf, net.number(1)})}), net.number(0.5f)});
}

std::string functions(Net& net, const std::string& x, const Shape& parameters) {
  const std::string first = x;
  std::string at = x;
  const auto some = [&] { return net.weights(parameters, 3); };
  const auto one = [&] { return net.number(static_cast<float>(net.random.uniform(0.1, 2))); };
  for (int64_t left = net.between(1, 6); left > 0; --left) {
    // Mostly what costs an instruction, sometimes what costs a division or a polynomial.
    switch (net.random.below(net.chance(0.7) ? 10 : 16)) {
      case 0:
        at = net.node("Add", {at, one()});
        break;
      case 1:
        at = net.node("Mul", {at, one()});
        break;
      case 2:
        at = net.node("Clip", {at, net.number(0), net.number(6)});
        break;
      case 3:
        at = net.node("Relu", {at});
        break;
      case 4:
        at = net.node("Mul", {at, some()});
        break;
      case 5:
        at = net.node("Add", {at, some()});
        break;
      case 6:
        at = net.node("Mul", {at, first});
        break;
      case 7:
        at = net.node("Add", {at, first});
        break;
      case 8:
        at = net.node("HardSigmoid", {at}, {{"alpha", 1.0f / 6}});
        break;
      case 9:
        at = net.node("Sub", {one(), at});
        break;
      case 10:
        at = net.node("Div", {at, one()});
        break;
      case 11:
        at = net.node("Sqrt", {net.node("Abs", {at})});
        break;
      case 12:
        at = net.node("Sigmoid", {at});
        break;
      case 13:
        at = net.node("Tanh", {at});
        break;
      case 14:
        at = net.node("Exp", {net.node("Clip", {at, net.number(-9), net.number(9)})});
        break;
      default:
        at = net.node("Div", {first, net.node("Add", {net.node("Abs", {at}), one()})});
    }
  }
  // Of many such, each squaring what the last one left, nothing finite would come out.
  return net.chance(0.5) ? net.node("Clip", {at, net.number(-8), net.number(8)}) : at;
}

std::string recur(Net& net, const std::string& x, int64_t steps, int64_t in, int64_t hidden) {
  const bool lstm = net.chance(0.6);
  const int64_t gates = lstm ? 4 : 3;
  net.macs += static_cast<double>(steps * gates * hidden * (in + hidden));
  std::vector<std::string> inputs = {x, net.weights({1, gates * hidden, in}, in + hidden),
                                     net.weights({1, gates * hidden, hidden}, in + hidden)};
  const bool stream = net.chance(0.6);
  if (stream || net.chance(0.5)) inputs.push_back(net.weights({1, 2 * gates * hidden}, 10));
  if (stream) {
    inputs.resize(5);
    for (int i = 0; i < (lstm ? 2 : 1); ++i) {
      inputs.push_back(net.input(fmt::format("state{}", net.macs) + (i ? "c" : "h"), DType::f32,
                                 {1, 1, hidden}));
    }
  }
  const std::string y = net.node(lstm ? "LSTM" : "GRU", inputs, {{"hidden_size", hidden}});
  return net.node("Reshape", {y, net.integers({steps, 1, hidden})});
}

std::string attend(Net& net, const std::string& x, int64_t rows, int64_t width, int64_t heads) {
  const int64_t deep = width / heads;
  std::string q, k, v;
  const auto turned = [&](const std::string& part, const Ints& order) {
    return net.node("Transpose", {part}, {{"perm", order}});
  };
  if (net.chance(0.4)) {  // queries, keys and values by one product
    const std::string all = net.node("Reshape", {dense(net, x, width, 3 * width, rows),
                                                 net.integers({1, rows, 3, heads, deep})});
    const std::string apart = turned(all, {2, 0, 3, 1, 4});
    const auto part = [&](int64_t index) {
      return net.node("Gather", {apart, net.constant(Tensor::scalar(index))},
                      {{"axis", int64_t{0}}});
    };
    q = part(0);
    k = turned(part(1), {0, 1, 3, 2});
    v = part(2);
  } else {
    const auto part = [&](const Ints& order) {
      const std::string each = dense(net, x, width, width, rows);
      return turned(net.node("Reshape", {each, net.integers({1, rows, heads, deep})}), order);
    };
    q = part({0, 2, 1, 3});
    k = part({0, 2, 3, 1});
    v = part({0, 2, 1, 3});
  }
  const std::string scores = net.node(
      "Mul", {net.node("MatMul", {q, k}), net.number(1 / std::sqrt(static_cast<float>(deep)))});
  const std::string shares = net.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const std::string seen = turned(net.node("MatMul", {shares, v}), {0, 2, 1, 3});
  net.macs += 2 * static_cast<double>(rows * rows * width);
  const std::string joined = net.node("Reshape", {seen, net.integers({1, rows, width})});
  return dense(net, joined, width, width, rows);
}

}  // namespace betimes::bench
