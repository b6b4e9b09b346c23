#include <algorithm>
#include <cmath>

#include "bench/cost/corpus_net.h"

namespace betimes::bench {
namespace {

constexpr double most_chain_macs = 4e8;

/// In long ones, code and weights are as cold as in large networks, and a compilation serves many.
int64_t chain_length(Net& net) {
  return net.short_chains ? net.between(2, 6) : net.between(16, 64);
}

double places(const Picture& p) { return static_cast<double>(p.high * p.wide); }

/// What one kernel may take at most, drawn for each: mostly little, sometimes much.
double some_macs(Net& net) { return std::exp(net.random.uniform(std::log(2e4), std::log(6e7))); }

/// Channel counts as people choose them, and as pruning and searching leave them.
int64_t channels(Net& net, int64_t low, int64_t high) {
  const int64_t any = net.between(low, high);
  return net.chance(0.6) && any >= 8 ? any / 8 * 8 : any;
}

bool small(const Picture& p) { return std::max(p.high, p.wide) <= 6; }

int64_t step_down(Net& net, const Picture& p) {
  return small(p) || !net.chance(net.short_chains ? 0.3 : 0.12) ? 1 : 2;
}

Picture filter(Net& net, const Picture& p) {
  const bool flat = p.high == 1;
  const int64_t kernel = flat && p.channels <= 8 && net.chance(0.5)
                             ? net.pick({15, 33, 64, 129, 256, 400})
                             : net.pick({1, 1, 3, 3, 3, 5, 5, 7});
  const int64_t stride = flat && kernel > 7 ? net.pick({1, 16, 64, 128}) : step_down(net, p);
  const double per_channel = static_cast<double>(p.channels * kernel * (flat ? 1 : kernel)) *
                             places(p) / static_cast<double>(flat ? stride : stride * stride);
  const auto most = static_cast<int64_t>(std::clamp(some_macs(net) / per_channel, 1.0, 768.0));
  return convolve(net, p,
                  {.out = channels(net, std::max<int64_t>(most / 4, 1), most),
                   .kernel = kernel,
                   .stride = stride,
                   .activation = net.pick({0, 1, 1, 2, 3, 4, 5, 6})});
}

Picture dilated(Net& net, Picture p) {
  const int64_t kernel = net.pick({3, 3, 5}), apart = net.pick({2, 3}), pad = kernel / 2 * apart;
  const int64_t tall = p.high == 1 ? 1 : kernel;
  const int64_t fan_in = p.channels * kernel * tall;
  const auto most = static_cast<int64_t>(
      std::clamp(some_macs(net) / (static_cast<double>(fan_in) * places(p)), 1.0, 256.0));
  const int64_t out = channels(net, std::max<int64_t>(most / 4, 1), most);
  const int64_t pad_tall = p.high == 1 ? 0 : pad;
  p.at = net.node(
      "Conv", {p.at, net.weights({out, p.channels, tall, kernel}, fan_in), net.weights({out}, 10)},
      {{"kernel_shape", Ints{tall, kernel}},
       {"pads", Ints{pad_tall, pad, pad_tall, pad}},
       {"dilations", Ints{p.high == 1 ? 1 : apart, apart}}});
  p.channels = out;
  p.at = activation(net, p.at, net.pick({0, 1, 5}));
  net.macs += static_cast<double>(fan_in * out) * places(p);
  return p;
}

Picture apart(Net& net, const Picture& p) {
  return convolve(net, p,
                  {.out = p.channels,
                   .kernel = net.pick({3, 3, 5, 5, 7}),
                   .stride = step_down(net, p),
                   .groups = p.channels,
                   .activation = net.pick({0, 1, 2, 3, 4})});
}

Picture pool(Net& net, Picture p) {
  const int64_t kernel = net.pick({2, 2, 3}), stride = step_down(net, p);
  const int64_t tall = p.high == 1 ? 1 : kernel;
  if (p.wide < kernel || p.high < tall) return p;
  const int64_t down = p.high == 1 ? 1 : stride;
  p.at = net.node(net.chance(0.7) ? "MaxPool" : "AveragePool", {p.at},
                  {{"kernel_shape", Ints{tall, kernel}}, {"strides", Ints{down, stride}}});
  p.high = (p.high - tall) / down + 1;
  p.wide = (p.wide - kernel) / stride + 1;
  return p;
}

Picture upsample(Net& net, Picture p) {
  if (places(p) * static_cast<double>(p.channels) > 3e5) return p;
  const float tall = p.high == 1 ? 1 : 2;
  p.at = net.node("Resize", {p.at, "", net.constant(Tensor::from<float>({4}, {1, 1, tall, 2}))},
                  {{"mode", std::string(net.chance(0.7) ? "nearest" : "linear")}});
  p.high *= p.high == 1 ? 1 : 2;
  p.wide *= 2;
  return p;
}

/// The second half or so of the channels, put behind all of them, or alone; or every other one.
Picture slice_channels(Net& net, Picture p) {
  if (p.channels < 4) return p;
  if (net.chance(0.35)) {
    const int64_t from = net.pick({0, 1});
    p.at = net.node("Slice", {p.at, net.integers({from}), net.integers({p.channels}),
                              net.integers({1}), net.integers({2})});
    p.channels = (p.channels - from + 1) / 2;
    return p;
  }
  const int64_t from = net.between(1, p.channels / 2);
  const std::string part = net.node(
      "Slice", {p.at, net.integers({from}), net.integers({p.channels}), net.integers({1})});
  const bool join = net.chance(0.6);
  p.at = join ? net.node("Concat", {p.at, part}, {{"axis", int64_t{1}}}) : part;
  p.channels = join ? 2 * p.channels - from : p.channels - from;
  return p;
}

Picture pad(Net& net, Picture p) {
  const int64_t tall = p.high == 1 ? 0 : net.between(1, 3), wide = net.between(1, 3);
  p.at = net.node(
      "Pad", {p.at, net.integers({0, 0, tall, wide, 0, 0, tall, wide})},
      {{"mode",
        std::string(net.chance(0.5) && p.high > 3 && p.wide > 3 ? "reflect" : "constant")}});
  p.high += 2 * tall;
  p.wide += 2 * wide;
  return p;
}

/// Channels last, something over them, and back.
Picture turn(Net& net, Picture p) {
  std::string x = net.node("Transpose", {p.at}, {{"perm", Ints{0, 2, 3, 1}}});
  if (net.chance(0.5)) x = norm(net, x, p.channels);
  if (net.chance(0.3)) x = net.node("Softmax", {x}, {{"axis", int64_t{-1}}});
  p.at = net.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
  return p;
}

std::string attend_rows(Net& net, const std::string& x, int64_t rows, int64_t width) {
  const int64_t heads = net.pick({1, 2, 3, 4, 6, 8});
  const double macs = static_cast<double>(rows * width) * static_cast<double>(4 * width + 2 * rows);
  if (width % heads != 0 || rows < 2 || rows > 400 || macs > 5e7) return x;
  const std::string one = net.node("Reshape", {x, net.integers({1, rows, width})});
  return net.node("Reshape", {attend(net, one, rows, width, heads), net.integers({rows, width})});
}

}  // namespace

graph::Graph picture_kernels(Net& net) {
  const bool flat = net.chance(0.12);
  const int64_t high = flat ? 1 : net.between(4, 160), wide = net.between(4, flat ? 4000 : 240);
  const auto most =
      static_cast<int64_t>(std::clamp(5e5 / static_cast<double>(high * wide), 1.0, 960.0));
  Picture p = start(net, flat && net.chance(0.5) ? 1 : channels(net, 1, most), high, wide);
  for (int64_t left = chain_length(net); left > 0 && net.macs < most_chain_macs; --left) {
    if (small(p) && net.chance(0.5)) p = upsample(net, p);
    switch (net.random.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        p = filter(net, p);
        break;
      case 6:
      case 7:
      case 8:
        p = apart(net, p);
        break;
      case 9:
        p = pool(net, p);
        break;
      case 10:
        p = slice_channels(net, p);
        break;
      case 11:
        p = pad(net, p);
        break;
      case 12:
        p = net.chance(0.6) ? upsample(net, p) : turn(net, p);
        break;
      case 13:
        p.at =
            functions(net, p.at, net.chance(0.7) ? Shape{1, p.channels, 1, 1} : Shape{1, 1, 1, 1});
        break;
      case 14:
        p = net.chance(0.5) ? dilated(net, p) : excite(net, p);
        break;
      default: {
        const double all = static_cast<double>(p.channels * p.channels) * places(p);
        if (all > 6e7) break;
        const Picture before = p;
        p = convolve(net, p, {.out = p.channels, .kernel = all < 7e6 ? net.pick({1, 3}) : 1});
        p.at = net.node("Add", {p.at, before.at});
      }
    }
  }
  if (net.chance(0.4)) return net.finish({classify(net, p)});
  return net.finish({convolve(net, p, {.out = net.between(1, 32), .kernel = 1}).at});
}

graph::Graph row_kernels(Net& net) {
  const int64_t rows = net.chance(0.2) ? net.between(1, 8) : net.between(2, 800);
  int64_t width = channels(net, 4, std::clamp<int64_t>(1'000'000 / rows, 8, 3000));
  std::string x = net.input("x", DType::f32, {rows, width});
  for (int64_t left = chain_length(net); left > 0 && net.macs < most_chain_macs; --left) {
    switch (net.random.below(11)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const auto most = static_cast<int64_t>(
            std::clamp(some_macs(net) / static_cast<double>(rows * width), 4.0, 4096.0));
        const int64_t out = channels(net, std::max<int64_t>(most / 4, 4), most);
        x = activation(net, dense(net, x, width, out, rows), net.pick({0, 0, 1, 3}));
        width = out;
        break;
      }
      case 4:
        x = net.chance(0.5) ? norm(net, x, width)
                            : net.node("Softmax", {x}, {{"axis", int64_t{-1}}});
        break;
      case 5:
        x = net.chance(0.3) ? gelu(net, x) : functions(net, x, {width});
        break;
      case 6: {  // of itself: a product without weights
        if (rows > 512) break;
        const std::string turned = net.node("Transpose", {x}, {{"perm", Ints{1, 0}}});
        x = net.node("MatMul", {x, turned});
        net.macs += static_cast<double>(rows * rows * width);
        width = rows;
        break;
      }
      case 7: {
        const std::string mean =
            net.node("ReduceMean", {x}, {{"axes", Ints{1}}, {"keepdims", int64_t{1}}});
        x = net.node("Sub", {x, mean});
        break;
      }
      case 8: {
        const int64_t half = width / 2;
        const std::string part =
            net.node("Slice", {x, net.integers({half}), net.integers({width}), net.integers({1})});
        x = net.node("Concat", {part, x}, {{"axis", int64_t{1}}});
        width += width - half;
        break;
      }
      case 9:
        x = attend_rows(net, x, rows, width);
        break;
      default: {
        const int64_t groups = net.pick({2, 4, 8});
        if (width % groups != 0 || rows < 2) break;
        const std::string apart =
            net.node("Reshape", {x, net.integers({1, rows, groups, width / groups})});
        const std::string turned = net.node("Transpose", {apart}, {{"perm", Ints{0, 2, 1, 3}}});
        x = net.node("Reshape",
                     {activation(net, turned, net.pick({0, 1})), net.integers({rows, width})});
      }
    }
  }
  return net.finish({dense(net, x, width, net.between(1, 64), rows)});
}

graph::Graph vector_kernels(Net& net) {
  int64_t width = channels(net, 8, 4096);
  std::string x = net.input("x", DType::f32, {1, width});
  // Few weights stay in a cache from run to run, many don't.
  const int64_t most_weights = net.chance(0.6) ? 150'000 : 4'000'000;
  for (int64_t left = chain_length(net); left > 0 && net.macs < most_chain_macs; --left) {
    switch (net.random.below(10)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const int64_t out = channels(net, 1, std::clamp<int64_t>(most_weights / width, 1, 4096));
        x = activation(net, dense(net, x, width, out), net.pick({0, 0, 1, 3}));
        width = out;
        break;
      }
      case 4:
        x = norm(net, x, width);
        break;
      case 5:
        x = net.chance(0.3) ? gelu(net, x) : functions(net, x, {width});
        break;
      case 6: {
        const int64_t hidden = channels(net, 8, most_weights > 1'000'000 ? 384 : 128);
        if (width > 2000) break;
        const std::string step = net.node("Reshape", {x, net.integers({1, 1, width})});
        x = net.node("Reshape", {recur(net, step, 1, width, hidden), net.integers({1, hidden})});
        width = hidden;
        break;
      }
      case 7: {  // as many steps of a recurrence as the row has parts
        const int64_t steps = net.pick({2, 4, 10, 25});
        if (width % steps != 0 || width / steps < 4) break;
        const int64_t hidden = channels(net, 8, 200);
        const std::string all = net.node("Reshape", {x, net.integers({steps, 1, width / steps})});
        x = net.node("Reshape", {recur(net, all, steps, width / steps, hidden),
                                 net.integers({1, steps * hidden})});
        width = steps * hidden;
        break;
      }
      case 8: {
        const int64_t from = net.between(1, std::max<int64_t>(width / 2, 1));
        const std::string part =
            net.node("Slice", {x, net.integers({from}), net.integers({width}), net.integers({1})});
        x = net.node("Concat", {part, x}, {{"axis", int64_t{1}}});
        width += width - from;
        break;
      }
      default: {
        const int64_t more = net.between(1, 64);
        x = net.node(
            "Pad", {x, net.integers({0, more, 0, more})},
            {{"mode", std::string(net.chance(0.5) && width > 70 ? "reflect" : "constant")}});
        width += 2 * more;
      }
    }
    if (width > 20000) break;
  }
  return net.finish({dense(net, x, width, net.between(1, 64))});
}

graph::Graph function_kernels(Net& net) {
  const int64_t high = net.between(1, 160), wide = net.between(2, 240);
  const auto most =
      static_cast<int64_t>(std::clamp(1.5e6 / static_cast<double>(high * wide), 1.0, 960.0));
  Picture p = start(net, channels(net, 1, most), high, wide);
  const auto some = [&](const Picture& at) {
    if (net.chance(0.15)) return Shape{1, 1, at.high, at.wide};
    return net.chance(0.5) ? Shape{1, at.channels, 1, 1} : Shape{1, 1, 1, 1};
  };
  for (int64_t left = chain_length(net) / 3 + 1; left > 0; --left) {
    p.at = functions(net, p.at, some(p));
    switch (net.random.below(4)) {
      case 0:
        p = pool(net, p);
        break;
      case 1:
        p = excite(net, p);
        break;
      case 2:
        p = slice_channels(net, p);
        break;
      default:
        p = apart(net, p);
    }
    p.at = functions(net, p.at, some(p));
    p = apart(net, p);
  }
  return net.finish({p.at});
}

}  // namespace betimes::bench
