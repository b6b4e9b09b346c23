#include "bench/cost/corpus_net.h"

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

}  // namespace betimes::bench
