#include <algorithm>
#include <stdexcept>

#include "bench/cost/corpus_net.h"

namespace betimes::bench {

graph::Graph plain(Net& net) {
  Picture p = start(net, net.pick({1, 3, 3, 4}), net.between(12, 224), net.between(12, 224));
  int64_t width = net.between(6, 48);
  const int64_t kind = net.pick({1, 1, 5, 3, 6});
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
  const int64_t kind = net.pick({1, 2, 4, 6});
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

graph::Graph boxes(Net& net) {
  const int64_t high = net.between(3, 48), wide = net.between(3, 64), each = net.pick({1, 2, 3, 6});
  const int64_t count = high * wide * each;
  Picture p = start(net, net.pick({16, 32, 48, 64, 96}), high, wide);
  if (net.chance(0.5)) p = convolve(net, p, {.out = p.channels, .groups = p.channels});
  const auto head = [&](int64_t numbers) {
    const Picture found =
        convolve(net, p, {.out = each * numbers, .kernel = net.pick({1, 3}), .activation = 0});
    const std::string last = net.node("Transpose", {found.at}, {{"perm", Ints{0, 2, 3, 1}}});
    return net.node("Reshape", {last, net.integers({1, count, numbers})});
  };
  const auto cut = [&](const std::string& x, int64_t from, int64_t to) {
    return net.node("Slice", {x, net.integers({from}), net.integers({to}), net.integers({2})});
  };
  const int64_t classes = net.pick({1, 2, 2, 3, 10, 20});
  std::string scores = head(classes);
  scores = classes > 1 && net.chance(0.7) ? net.node("Softmax", {scores}, {{"axis", int64_t{-1}}})
                                          : net.node("Sigmoid", {scores});
  const std::string place = head(4);
  const std::string priors = net.weights({1, count, 2}, 3);
  const auto scaled = [&](const std::string& x) {
    return net.chance(0.5) ? net.node("Mul", {net.node("Mul", {x, net.number(0.1f)}), priors})
                           : functions(net, x, {1, count, 2});
  };
  const std::string centre = net.node("Add", {scaled(cut(place, 0, 2)), priors});
  const std::string size = net.node("Exp", {scaled(cut(place, 2, 4))});
  const std::string half = net.node("Div", {size, net.number(2)});
  const std::string corners =
      net.node("Concat", {net.node("Sub", {centre, half}), net.node("Add", {centre, half})},
               {{"axis", int64_t{2}}});
  if (net.chance(0.4)) return net.finish({scores, corners});
  return net.finish({net.node("Concat", {corners, scores}, {{"axis", int64_t{2}}})});
}

}  // namespace betimes::bench
