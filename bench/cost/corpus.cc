#include "bench/cost/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/random.h"
#include "betimes/graph/builder.h"

namespace betimes::bench {
namespace {

using Ints = std::vector<int64_t>;
using Attributes = std::map<std::string, graph::Attribute>;

constexpr double most_macs = 4e8;

class Net : public graph::Builder {
 public:
  Net(const std::string& name, uint64_t seed) : Builder(name), random(seed) {}

  Random random;
  double macs = 0;

  int64_t pick(const Ints& choices) { return choices[random.below(choices.size())]; }
  bool chance(double p) { return random.uniform() < p; }
  /// Log-uniform.
  int64_t between(int64_t low, int64_t high) {
    const double x =
        random.uniform(std::log(static_cast<double>(low)), std::log(static_cast<double>(high) + 1));
    return std::clamp(static_cast<int64_t>(std::exp(x)), low, high);
  }
  std::string weights(const Shape& shape, int64_t fan_in) {
    Tensor tensor(DType::f32, shape);
    const double size = std::sqrt(3.0 / static_cast<double>(std::max<int64_t>(fan_in, 1)));
    for (float& each : tensor.mutable_data<float>()) {
      each = static_cast<float>(random.uniform(-size, size));
    }
    return constant(std::move(tensor));
  }
};

/// A picture (or a sequence: `high` is 1) as it runs through a network.
struct Picture {
  std::string at;
  int64_t channels = 0, high = 0, wide = 0;
};

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

struct Convolution {
  int64_t out = 0, kernel = 3, stride = 1, groups = 1, activation = 1;
};

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

std::string dense(Net& net, const std::string& x, int64_t in, int64_t out, int64_t rows = 1) {
  net.macs += static_cast<double>(in * out * rows);
  return net.node("Add",
                  {net.node("MatMul", {x, net.weights({in, out}, in)}), net.weights({out}, 10)});
}

/// Averages the picture away and scores classes.
std::string classify(Net& net, const Picture& p) {
  const std::string mean = net.node("Flatten", {net.node("GlobalAveragePool", {p.at})});
  return net.node("Softmax", {dense(net, mean, p.channels, net.between(2, 1000))},
                  {{"axis", int64_t{-1}}});
}

/// Squeeze and excitation (Hu et al., 2018).
Picture excite(Net& net, Picture p) {
  const int64_t inner = std::max<int64_t>(p.channels / 4, 4);
  Picture gate{net.node("GlobalAveragePool", {p.at}), p.channels, 1, 1};
  gate = convolve(net, gate, {.out = inner, .kernel = 1});
  gate = convolve(net, gate, {.out = p.channels, .kernel = 1, .activation = 0});
  p.at = net.node("Mul", {p.at, net.node("HardSigmoid", {gate.at}, {{"alpha", 1.0f / 6}})});
  return p;
}

graph::Graph plain(Net& net) {
  Picture p = start(net, net.pick({1, 3, 3, 4}), net.between(12, 224), net.between(12, 224));
  int64_t width = net.between(6, 48);
  const int64_t kind = net.pick({1, 1, 5, 3});
  for (int64_t layer = net.between(2, 9); layer > 0 && net.macs < most_macs; --layer) {
    const bool down = std::min(p.high, p.wide) > 6 && net.chance(0.5);
    p = convolve(net, p,
                 {.out = width,
                  .kernel = net.pick({3, 3, 3, 5, 1, 7}),
                  .stride = down ? 2 : 1,
                  .activation = kind});
    if (!down && std::min(p.high, p.wide) > 6 && net.chance(0.3)) {
      p.at = net.node(net.chance(0.7) ? "MaxPool" : "AveragePool", {p.at},
                      {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
      p.high /= 2;
      p.wide /= 2;
    }
    if (net.chance(0.6))
      width = std::min<int64_t>(width * net.pick({1, 2, 2}) + net.pick({0, 0, 4}), 384);
  }
  return net.finish({classify(net, p)});
}

graph::Graph mobile(Net& net) {
  const int64_t size = net.between(28, 224);
  Picture p = start(net, 3, size, size);
  p = convolve(net, p, {.out = net.pick({8, 16, 24, 32}), .stride = 2});
  const int64_t kind = net.pick({1, 2, 4});
  for (int64_t block = net.between(2, 10); block > 0 && net.macs < most_macs; --block) {
    const int64_t stride = p.high > 6 && net.chance(0.35) ? 2 : 1;
    const Picture before = p;
    const int64_t wide = p.channels * net.pick({1, 2, 3, 4, 6});
    if (wide > p.channels) p = convolve(net, p, {.out = wide, .kernel = 1, .activation = kind});
    p = convolve(net, p,
                 {.out = wide,
                  .kernel = net.pick({3, 3, 5, 7}),
                  .stride = stride,
                  .groups = wide,
                  .activation = kind});
    if (net.chance(0.25)) p = excite(net, p);
    const int64_t out =
        stride == 2 ? std::min<int64_t>(before.channels * net.pick({1, 2}), 256) : before.channels;
    p = convolve(net, p, {.out = out, .kernel = 1, .activation = 0});
    if (stride == 1) p.at = net.node("Add", {before.at, p.at});
  }
  return net.finish({classify(net, p)});
}

graph::Graph residual(Net& net) {
  Picture p = start(net, net.between(8, 128), net.between(7, 64), net.between(7, 64));
  const bool bottleneck = net.chance(0.4);
  for (int64_t block = net.between(2, 6); block > 0 && net.macs < most_macs; --block) {
    const Picture before = p;
    const int64_t stride = std::min(p.high, p.wide) > 6 && net.chance(0.3) ? 2 : 1;
    const int64_t out = stride == 2 ? std::min<int64_t>(2 * p.channels, 512) : p.channels;
    if (bottleneck) {
      const int64_t inner = std::max<int64_t>(out / 4, 4);
      p = convolve(net, p, {.out = inner, .kernel = 1});
      p = convolve(net, p, {.out = inner, .stride = stride});
      p = convolve(net, p, {.out = out, .kernel = 1, .activation = 0});
    } else {
      p = convolve(net, p, {.out = out, .stride = stride});
      p = convolve(net, p, {.out = out, .activation = 0});
    }
    Picture skip = before;
    if (stride == 2) {
      skip = convolve(net, skip, {.out = out, .kernel = 1, .stride = 2, .activation = 0});
    }
    p.at = net.node("Relu", {net.node("Add", {p.at, skip.at})});
  }
  return net.finish({classify(net, p)});
}

/// Embeddings and a tower, or a tower alone.
graph::Graph tower(Net& net) {
  const int64_t rows = net.pick({1, 1, 1, 4, 16, 64, 128});
  std::string x;
  int64_t width = 0;
  if (net.chance(0.5)) {
    const int64_t fields = net.between(4, 40), deep = net.pick({8, 16, 32});
    const std::string ids = net.input("ids", DType::i64, {rows, fields});
    x = net.node("Gather", {net.weights({net.between(100, 20000), deep}, 1), ids});
    width = fields * deep;
    x = net.node("Reshape", {x, net.integers({rows, width})});
  } else {
    width = net.between(8, 2048);
    x = net.input("x", DType::f32, {rows, width});
  }
  for (int64_t layer = net.between(1, 5); layer > 0 && net.macs < most_macs; --layer) {
    const int64_t out = net.between(8, 2048);
    x = activation(net, dense(net, x, width, out, rows), net.pick({1, 1, 1, 3, 5}));
    width = out;
  }
  return net.finish({net.node("Sigmoid", {dense(net, x, width, 1, rows)})});
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

graph::Graph encoder(Net& net) {
  const int64_t tokens = net.between(1, 256), heads = net.pick({1, 2, 4, 6, 8});
  const int64_t deep = net.pick({16, 32, 64}), width = heads * deep;
  std::string x = net.input("x", DType::f32, {1, tokens, width});
  const int64_t inner = width * net.pick({1, 2, 4});
  for (int64_t layer = net.between(1, 4); layer > 0 && net.macs < most_macs; --layer) {
    const std::string normed = norm(net, x, width);
    const auto head = [&](const Ints& order) {
      const std::string part = dense(net, normed, width, width, tokens);
      return net.node("Transpose",
                      {net.node("Reshape", {part, net.integers({1, tokens, heads, deep})})},
                      {{"perm", order}});
    };
    const std::string q = head({0, 2, 1, 3}), k = head({0, 2, 3, 1}), v = head({0, 2, 1, 3});
    const std::string scores = net.node(
        "Mul", {net.node("MatMul", {q, k}), net.number(1 / std::sqrt(static_cast<float>(deep)))});
    const std::string shares = net.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
    const std::string seen =
        net.node("Transpose", {net.node("MatMul", {shares, v})}, {{"perm", Ints{0, 2, 1, 3}}});
    net.macs += 2 * static_cast<double>(tokens * tokens * width);
    const std::string joined = net.node("Reshape", {seen, net.integers({1, tokens, width})});
    x = net.node("Add", {dense(net, joined, width, width, tokens), x});
    const std::string wide = dense(net, norm(net, x, width), width, inner, tokens);
    const std::string bent = net.chance(0.7) ? gelu(net, wide) : net.node("Relu", {wide});
    x = net.node("Add", {dense(net, bent, inner, width, tokens), x});
  }
  return net.finish({x});
}

graph::Graph recurrence(Net& net) {
  const int64_t steps = net.pick({1, 1, 4, 10, 20, 50}), hidden = net.between(16, 320);
  int64_t in = net.between(8, 320);
  const bool lstm = net.chance(0.6);
  const int64_t gates = lstm ? 4 : 3;
  std::string x = net.input("x", DType::f32, {steps, 1, in});
  for (int64_t layer = net.between(1, 3); layer > 0; --layer) {
    const std::string y = net.node(lstm ? "LSTM" : "GRU",
                                   {x, net.weights({1, gates * hidden, in}, in + hidden),
                                    net.weights({1, gates * hidden, hidden}, in + hidden)},
                                   {{"hidden_size", hidden}});
    x = net.node("Reshape", {y, net.integers({steps, 1, hidden})});
    in = hidden;
  }
  return net.finish({net.node("Sigmoid", {dense(net, x, hidden, net.between(1, 300), steps)})});
}

/// Two scales, their features put together, and heads laid out as lists of boxes.
graph::Graph detector(Net& net) {
  const int64_t size = 16 * net.between(4, 22);
  Picture p = start(net, 3, size, size);
  int64_t width = net.pick({8, 16, 24});
  p = convolve(net, p, {.out = width, .stride = 2});
  while (p.high > size / 8 && net.macs < most_macs) {
    p = convolve(net, p, {.out = p.channels, .groups = p.channels});
    width *= 2;
    p = convolve(net, p, {.out = width, .kernel = 1});
    p.at = net.node("MaxPool", {p.at}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
    p.high /= 2;
    p.wide /= 2;
  }
  Picture low = convolve(net, p, {.out = width, .stride = 2, .groups = width});
  low = convolve(net, low, {.out = width, .kernel = 1});
  Picture up = low;
  up.at = net.node("Resize", {low.at, "", net.constant(Tensor::from<float>({4}, {1, 1, 2, 2}))},
                   {{"mode", std::string("nearest")}});
  p.at = net.chance(0.5) ? net.node("Concat", {p.at, up.at}, {{"axis", int64_t{1}}})
                         : net.node("Add", {p.at, up.at});
  std::vector<std::string> parts;
  const int64_t numbers = net.pick({1, 4, 10, 16});
  if (p.high != 2 * low.high) throw std::logic_error("scales of a detector that don't fit");
  Picture joined = p;
  joined.channels = net.outputs()[0].starts_with("Concat") ? 2 * width : width;
  for (const Picture& scale : {joined, low}) {
    const Picture head =
        convolve(net, scale, {.out = numbers, .kernel = net.pick({1, 3}), .activation = 0});
    const std::string last = net.node("Transpose", {head.at}, {{"perm", Ints{0, 2, 3, 1}}});
    parts.push_back(net.node("Reshape", {last, net.integers({1, head.high * head.wide, numbers})}));
  }
  return net.finish({net.node("Sigmoid", {net.node("Concat", parts, {{"axis", int64_t{1}}})})});
}

/// Halves of the channels that take turns (ShuffleNet V2, Ma et al., 2018).
graph::Graph shuffle(Net& net) {
  const int64_t size = net.between(8, 56), half = net.between(8, 96);
  Picture p = start(net, 2 * half, size, size);
  for (int64_t block = net.between(1, 5); block > 0 && net.macs < most_macs; --block) {
    const std::string first = net.node("Split", {p.at}, {{"axis", int64_t{1}}}, 2);
    Picture part{net.outputs()[1], half, p.high, p.wide};
    part = convolve(net, part, {.out = half, .kernel = 1});
    part = convolve(net, part, {.out = half, .groups = half, .activation = 0});
    part = convolve(net, part, {.out = half, .kernel = 1});
    const std::string both = net.node("Concat", {first, part.at}, {{"axis", int64_t{1}}});
    const std::string split =
        net.node("Reshape", {both, net.integers({1, 2, half, p.high, p.wide})});
    const std::string turned = net.node("Transpose", {split}, {{"perm", Ints{0, 2, 1, 3, 4}}});
    p.at = net.node("Reshape", {turned, net.integers({1, 2 * half, p.high, p.wide})});
  }
  return net.finish({classify(net, p)});
}

/// Sequences: filters over time, magnitudes, pooling, a short recurrence.
graph::Graph sequence(Net& net) {
  const int64_t length = net.between(32, 2048);
  Picture p = start(net, net.pick({1, 1, 40, 80}), 1, length);
  const int64_t depth = net.between(1, 5);
  for (int64_t layer = 0; layer < depth && net.macs < most_macs; ++layer) {
    const int64_t kernel = layer == 0 ? net.pick({3, 9, 33, 129}) : net.pick({1, 3, 5, 9});
    const bool apart = layer > 0 && net.chance(0.3);
    p = convolve(net, p,
                 {.out = apart ? p.channels : net.between(8, 256),
                  .kernel = kernel,
                  .stride = p.wide > 8 ? net.pick({1, 2, 4}) : 1,
                  .groups = apart ? p.channels : 1,
                  .activation = net.pick({1, 1, 3})});
  }
  if (net.chance(0.5)) {
    const std::string square = net.node("Pow", {p.at, net.number(2)});
    p.at = net.node("Sqrt", {net.node("Add", {square, net.number(1e-6f)})});
  }
  const std::string mean =
      net.node("ReduceMean", {p.at}, {{"axes", Ints{2, 3}}, {"keepdims", int64_t{0}}});
  return net.finish({net.node("Sigmoid", {dense(net, mean, p.channels, net.between(1, 64))})});
}

/// A frame, filters' states and a mask or two, as in noise suppression and voice activity:
/// everything of one row.
graph::Graph frame(Net& net) {
  const int64_t width = net.between(64, 768), hidden = net.between(32, 192);
  const std::string input = net.input("x", DType::f32, {1, width});
  std::string x = input;
  int64_t in = width;
  if (net.chance(0.5)) {  // a learned basis, as a filter over one position
    const int64_t out = net.between(64, 512);
    const std::string image = net.node("Reshape", {x, net.integers({1, width, 1, 1})});
    const Picture p =
        convolve(net, {image, width, 1, 1}, {.out = out, .kernel = 1, .activation = 0});
    x = net.node("Reshape", {p.at, net.integers({1, out})});
    in = out;
  }
  if (net.chance(0.5)) x = norm(net, x, in);
  if (net.chance(0.3))
    x = net.node("Log", {net.node("Add", {net.node("Abs", {x}), net.number(1e-7f)})});
  std::string sequence = net.node("Reshape", {x, net.integers({1, 1, in})});
  for (int64_t layer = net.between(1, 3); layer > 0; --layer) {
    const std::string y = net.node("LSTM",
                                   {sequence, net.weights({1, 4 * hidden, in}, in + hidden),
                                    net.weights({1, 4 * hidden, hidden}, in + hidden)},
                                   {{"hidden_size", hidden}});
    sequence = net.node("Reshape", {y, net.integers({1, 1, hidden})});
    in = hidden;
  }
  const std::string state = net.node("Reshape", {sequence, net.integers({1, hidden})});
  const std::string mask = net.node("Sigmoid", {dense(net, state, hidden, width)});
  const std::string masked = net.node("Mul", {input, mask});
  const std::string both = net.node("Concat", {masked, state}, {{"axis", int64_t{1}}});
  if (net.chance(0.5)) return net.finish({both});
  const int64_t half = (width + hidden) / 2;
  return net.finish(
      {net.node("Slice", {both, net.integers({0}), net.integers({half}), net.integers({1})})});
}

/// A picture down and up again, as segmentation has it: branches put together, transposed
/// convolutions.
graph::Graph segmenter(Net& net) {
  const int64_t size = 8 * net.between(4, 48);
  Picture p = start(net, 3, size, size);
  const int64_t width = net.pick({8, 12, 16, 24});
  std::vector<Picture> scales;
  for (int level = 0; level < 3; ++level) {
    p = convolve(net, p, {.out = width << level, .stride = 2});
    p = convolve(net, p, {.out = p.channels, .kernel = net.pick({3, 5}), .groups = p.channels});
    p = convolve(net, p, {.out = p.channels, .kernel = 1, .activation = net.pick({1, 4})});
    scales.push_back(p);
  }
  if (net.chance(0.5)) scales[2] = excite(net, scales[2]);
  std::vector<std::string> parts;
  for (int level = 0; level < 3; ++level) {
    Picture each = convolve(net, scales[static_cast<size_t>(level)],
                            {.out = width, .kernel = net.pick({1, 3})});
    if (level > 0) {
      const float up = level == 1 ? 2 : 4;
      each.at =
          net.node("Resize", {each.at, "", net.constant(Tensor::from<float>({4}, {1, 1, up, up}))},
                   {{"mode", std::string("nearest")}});
    }
    parts.push_back(each.at);
  }
  Picture all{net.node("Concat", parts, {{"axis", int64_t{1}}}), 3 * width, size / 2, size / 2};
  all = convolve(net, all, {.out = width});
  const std::string up = net.node(
      "ConvTranspose", {all.at, net.weights({width, 1, 2, 2}, width), net.weights({1}, 10)},
      {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  return net.finish({net.node("Sigmoid", {up})});
}

struct Family {
  std::string name;
  graph::Graph (*make)(Net&);
};
const std::vector<Family>& all_families() {
  static const std::vector<Family> all = {
      {"plain", plain},       {"mobile", mobile},      {"residual", residual},
      {"tower", tower},       {"encoder", encoder},    {"recurrence", recurrence},
      {"detector", detector}, {"shuffle", shuffle},    {"sequence", sequence},
      {"frame", frame},       {"segmenter", segmenter}};
  return all;
}

}  // namespace

const std::vector<std::string>& families() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Family& each : all_families()) all.push_back(each.name);
    return all;
  }();
  return names;
}

MadeNet make_net(uint64_t index) {
  const std::vector<Family>& all = all_families();
  const Family& family = all[index % all.size()];
  const std::string name = fmt::format("{} {}", family.name, index);
  Net net(name, 1000 + index);
  const bool bf16 = net.chance(0.15);
  return {name, family.name, family.make(net), bf16};
}

}  // namespace betimes::bench
