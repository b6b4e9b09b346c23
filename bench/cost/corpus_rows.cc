#include <algorithm>
#include <cmath>

#include "bench/cost/corpus_net.h"

namespace betimes::bench {

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

graph::Graph encoder(Net& net) {
  const int64_t heads = net.pick({1, 2, 3, 4, 6, 8, 12}), deep = net.pick({16, 24, 32, 48, 64});
  const int64_t width = heads * deep;
  int64_t tokens = net.between(1, 320);
  std::string x;
  if (net.chance(0.3)) {  // of a picture's patches
    const int64_t side = net.between(3, 16), patch = net.pick({4, 8, 14, 16});
    Picture p = start(net, 3, side * patch, side * patch);
    p.at = net.node(
        "Conv",
        {p.at, net.weights({width, 3, patch, patch}, 3 * patch * patch), net.weights({width}, 10)},
        {{"kernel_shape", Ints{patch, patch}}, {"strides", Ints{patch, patch}}});
    tokens = side * side;
    net.macs += static_cast<double>(tokens * width * 3 * patch * patch);
    x = net.node("Transpose", {net.node("Reshape", {p.at, net.integers({1, width, tokens})})},
                 {{"perm", Ints{0, 2, 1}}});
  } else {
    x = net.input("x", DType::f32, {1, tokens, width});
  }
  const int64_t inner = width * net.pick({1, 2, 4});
  for (int64_t layer = net.between(1, 4); layer > 0 && net.macs < most_macs; --layer) {
    x = net.node("Add", {attend(net, norm(net, x, width), tokens, width, heads), x});
    const std::string wide = dense(net, norm(net, x, width), width, inner, tokens);
    const std::string bent = net.chance(0.7) ? gelu(net, wide) : net.node("Relu", {wide});
    x = net.node("Add", {dense(net, bent, inner, width, tokens), x});
  }
  return net.finish({x});
}

graph::Graph recurrence(Net& net) {
  const int64_t steps = net.pick({1, 1, 4, 10, 20, 50}), hidden = net.between(16, 320);
  int64_t in = net.between(8, 320);
  std::string x = net.input("x", DType::f32, {steps, 1, in});
  for (int64_t layer = net.between(1, 3); layer > 0; --layer) {
    x = recur(net, x, steps, in, hidden);
    in = hidden;
  }
  return net.finish({net.node("Sigmoid", {dense(net, x, hidden, net.between(1, 300), steps)})});
}

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
    sequence = recur(net, sequence, 1, in, hidden);
    in = hidden;
  }
  const std::string state = net.node("Reshape", {sequence, net.integers({1, hidden})});
  // Two states side by side, as streams hand them on.
  std::string pair;
  if (net.chance(0.4)) {
    const std::string one = net.node("Reshape", {state, net.integers({1, hidden, 1})});
    const std::string other =
        net.node("Reshape", {net.node("Tanh", {state}), net.integers({1, hidden, 1})});
    pair = net.node("Concat", {one, other}, {{"axis", int64_t{2}}});
  }
  const std::string mask = net.node("Sigmoid", {dense(net, state, hidden, width)});
  const std::string masked = net.node("Mul", {input, mask});
  const std::string both = net.node("Concat", {masked, state}, {{"axis", int64_t{1}}});
  const int64_t half = (width + hidden) / 2;
  std::vector<std::string> outputs = {
      net.chance(0.5)
          ? both
          : net.node("Slice", {both, net.integers({0}), net.integers({half}), net.integers({1})})};
  if (!pair.empty()) outputs.push_back(pair);
  return net.finish(outputs);
}

graph::Graph spectrum(Net& net) {
  const int64_t window = net.pick({128, 200, 256, 320, 400, 512}),
                hop = window / net.pick({2, 2, 4});
  const int64_t frames = net.between(1, 60), bins = window / 2 + 1;
  Picture p = start(net, 1, 1, window + (frames - 1) * hop);
  p.at = net.node("Conv", {p.at, net.weights({2 * bins, 1, 1, window}, window)},
                  {{"kernel_shape", Ints{1, window}}, {"strides", Ints{1, hop}}});
  const auto half = [&](int64_t from) {
    const std::string part = net.node(
        "Slice", {p.at, net.integers({from}), net.integers({from + bins}), net.integers({1})});
    return net.node("Pow", {part, net.number(2)});
  };
  std::string x = net.node("Sqrt", {net.node("Add", {half(0), half(bins)})});
  if (net.chance(0.5)) x = net.node("Log", {net.node("Add", {x, net.number(1e-6f)})});
  p = {x, bins, 1, frames};
  for (int64_t layer = net.between(1, 4); layer > 0; --layer) {
    p = convolve(net, p,
                 {.out = net.pick({16, 32, 64, 128, 130}),
                  .kernel = net.pick({1, 3, 3, 5}),
                  .stride = p.wide > 2 ? net.pick({1, 2}) : 1,
                  .activation = net.pick({1, 1, 3})});
  }
  const std::string rows = net.node("Transpose", {p.at}, {{"perm", Ints{0, 2, 3, 1}}});
  const int64_t hidden = net.pick({32, 64, 128});
  const std::string sequence = net.node("Reshape", {rows, net.integers({p.wide, 1, p.channels})});
  const std::string states = net.node("Reshape", {recur(net, sequence, p.wide, p.channels, hidden),
                                                  net.integers({p.wide, hidden})});
  return net.finish({net.node("Sigmoid", {dense(net, states, hidden, 1, p.wide)})});
}

}  // namespace betimes::bench
