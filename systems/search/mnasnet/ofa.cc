#include "systems/search/mnasnet/ofa.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"

namespace betimes::systems::mnasnet {
namespace {

constexpr std::array<int, 3> kernels = {3, 5, 7}, expansions = {3, 4, 6}, depths = {2, 3, 4};
constexpr std::array<int, 5> resolutions = {160, 176, 192, 208, 224};
constexpr std::array<int, OfaNet::stages> widths = {32, 48, 96, 136, 192},
                                          strides = {2, 2, 2, 1, 2};
constexpr std::array<bool, OfaNet::stages> squeezes = {false, true, false, true, true};
constexpr std::array<bool, OfaNet::stages> h_swishes = {false, false, true, true, true};
constexpr int first_width = 24, last_width = 1152, feature_width = 1536, classes = 1000;
constexpr size_t inputs = 128;
constexpr const char* folder = "/mobile-latency-tables/";

template <size_t N>
int place_in(const std::array<int, N>& values, int value, const char* what) {
  const auto at = std::find(values.begin(), values.end(), value);
  if (at == values.end()) throw Error(what, fmt::format("can't be {}", value));
  return static_cast<int>(at - values.begin());
}

/// One inverted bottleneck of the network as it runs.
struct Bottleneck {
  int side, in, out_side, out, middle, kernel, stride;
  bool squeeze, h_swish;

  std::string key() const {
    const bool identity = stride == 1 && in == out;
    return fmt::format(
        "expanded_conv-input:{0}x{0}x{1}-output:{2}x{2}x{3}-expand:{4}-kernel:{5}-"
        "stride:{6}-idskip:{7}-se:{8}-hs:{9}",
        side, in, out_side, out, middle, kernel, stride, int{identity}, int{squeeze}, int{h_swish});
  }
  double macs() const {
    const double before = double{1.0} * side * side, after = double{1.0} * out_side * out_side;
    const double expand = middle == in ? 0 : before * in * middle;
    const double squeezed = search::rounded_width(middle / 4.0, 8);
    return expand + after * middle * (kernel * kernel + out) +
           (squeeze ? 2 * squeezed * middle : 0);
  }
};

std::vector<Bottleneck> bottlenecks(const OfaNet& net) {
  net.check();
  int side = (net.resolution + 1) / 2, in = first_width;
  std::vector<Bottleneck> found = {{side, in, side, in, in, 3, 1, false, false}};
  for (int i = 0; i < OfaNet::layers; ++i) {
    if (!net.used(i)) continue;
    const auto stage = static_cast<size_t>(i / OfaNet::most_depth);
    const int stride = i % OfaNet::most_depth == 0 ? strides[stage] : 1;
    const int out_side = (side + stride - 1) / stride;
    const auto layer = static_cast<size_t>(i);
    found.push_back({side, in, out_side, widths[stage], in * net.expand[layer], net.kernel[layer],
                     stride, squeezes[stage], h_swishes[stage]});
    side = out_side;
    in = widths[stage];
  }
  return found;
}

std::string table_file(const std::string& data, int resolution) {
  return data + folder + fmt::format("note10_{}.yaml", resolution);
}

std::string predictor_file(const std::string& data) {
  return data + folder + "ofa_accuracy_predictor.safetensors";
}

const Tensor& part(const std::map<std::string, Tensor>& tensors, const std::string& name,
                   size_t rank, const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(where, "has no tensor " + name);
  if (found->second.dtype() != DType::f32 || found->second.shape().size() != rank) {
    throw Error(where + ", " + name, "is " + to_string(found->second.type()),
                fmt::format("f32 of rank {}", rank));
  }
  return found->second;
}

}  // namespace

void OfaNet::check() const {
  place_in(resolutions, resolution, "resolution");
  for (const int each : depth) place_in(depths, each, "depth");
  for (const int each : kernel) place_in(kernels, each, "kernel");
  for (const int each : expand) place_in(expansions, each, "expansion");
}

std::array<float, inputs> features(const OfaNet& net) {
  net.check();
  std::array<float, inputs> found{};
  constexpr size_t choices = 3, block = choices * OfaNet::layers;
  for (size_t i = 0; i < OfaNet::layers; ++i) {
    if (!net.used(static_cast<int>(i))) continue;
    found[choices * i + static_cast<size_t>(place_in(kernels, net.kernel[i], "kernel"))] = 1;
    found[block + choices * i +
          static_cast<size_t>(place_in(expansions, net.expand[i], "expansion"))] = 1;
  }
  found[2 * block + static_cast<size_t>((net.resolution - 112) / 16)] = 1;
  return found;
}

double macs(const OfaNet& net) {
  double sum = 0;
  const std::vector<Bottleneck> blocks = bottlenecks(net);
  const double first = blocks.front().side, last = blocks.back().out_side;
  sum += first * first * 9 * 3 * first_width;
  for (const Bottleneck& block : blocks) sum += block.macs();
  sum += last * last * blocks.back().out * last_width;
  return sum + double{last_width} * feature_width + double{feature_width} * classes;
}

Perceptron::Perceptron(const std::map<std::string, Tensor>& tensors, int64_t wanted,
                       const std::string& where) {
  int64_t width = wanted;
  for (int number = 0; width != 1 || layers_.empty(); number += 2) {
    const std::string weight_name = fmt::format("{}.weight", number);
    const Tensor& weight = part(tensors, weight_name, 2, where);
    const Tensor& bias = part(tensors, fmt::format("{}.bias", number), 1, where);
    const int64_t out = weight.shape()[0];
    if (out < 1 || weight.shape()[1] != width || bias.shape()[0] != out) {
      throw Error(where + ", " + weight_name, "is " + to_string(weight.type()),
                  fmt::format("[any, {}] with as long a bias", width));
    }
    Linear layer{static_cast<size_t>(width), static_cast<size_t>(out), {}, {}};
    layer.weight.resize(layer.in * layer.out);
    const auto from = weight.data<float>();
    for (size_t o = 0; o < layer.out; ++o) {
      for (size_t i = 0; i < layer.in; ++i)
        layer.weight[i * layer.out + o] = from[o * layer.in + i];
    }
    layer.bias.assign(bias.data<float>().begin(), bias.data<float>().end());
    layers_.push_back(std::move(layer));
    width = out;
  }
  if (tensors.size() != 2 * layers_.size()) throw Error(where, "has tensors beyond its last layer");
}

float Perceptron::operator()(std::span<const float> input) const {
  if (input.size() != layers_.front().in) {
    throw Error("predictor", fmt::format("was given {} numbers", input.size()),
                fmt::format("{}", layers_.front().in));
  }
  std::vector<float> values(input.begin(), input.end());
  for (size_t l = 0; l < layers_.size(); ++l) {
    const Linear& layer = layers_[l];
    std::vector<float> sums = layer.bias;
    for (size_t i = 0; i < layer.in; ++i) {
      if (values[i] == 0) continue;  // most of a one-hot input
      const float* row = layer.weight.data() + i * layer.out;
      for (size_t o = 0; o < layer.out; ++o) sums[o] += values[i] * row[o];
    }
    if (l + 1 < layers_.size()) {
      for (float& sum : sums) sum = std::max(sum, 0.0f);
    }
    values = std::move(sums);
  }
  return values[0];
}

OfaOracle::OfaOracle(const std::string& data)
    : predictor_(import::read_safetensors(predictor_file(data)), int64_t{inputs},
                 predictor_file(data)) {
  for (const int resolution : resolutions) {
    tables_.emplace(resolution, search::PhoneTable::read(table_file(data, resolution)));
  }
}

bool OfaOracle::present(const std::string& data) {
  return !data.empty() && std::filesystem::exists(predictor_file(data));
}

double OfaOracle::accuracy(const OfaNet& net) const {
  const std::array<float, inputs> input = features(net);
  return double{predictor_(input)};
}

double OfaOracle::ms(const OfaNet& net) const {
  const std::vector<Bottleneck> blocks = bottlenecks(net);
  const search::PhoneTable& table = tables_.at(net.resolution);
  const int first = blocks.front().side, last = blocks.back().out_side, width = blocks.back().out;
  double sum = table.ms(
      fmt::format("Conv-input:{0}x{0}x3-output:{1}x{1}x{2}", net.resolution, first, first_width));
  for (const Bottleneck& block : blocks) sum += table.ms(block.key());
  sum +=
      table.ms(fmt::format("Conv_1-input:{0}x{0}x{1}-output:{0}x{0}x{2}", last, width, last_width));
  sum += table.ms(fmt::format("AvgPool2D-input:{0}x{0}x{1}-output:1x1x{1}", last, last_width));
  sum += table.ms(fmt::format("Conv_2-input:1x1x{}-output:1x1x{}", last_width, feature_width));
  return sum + table.ms(fmt::format("Logits-input:1x1x{}-output:{}", feature_width, classes));
}

const char* name(Sharing sharing) {
  switch (sharing) {
    case Sharing::cell:
      return "cell";
    case Sharing::factorised:
      return "factorised";
    case Sharing::free:
      return "free";
  }
  return "?";
}

TokenSpace ofa_space(Sharing sharing) {
  TokenSpace space{std::string("once-for-all, ") + name(sharing), {}, {}};
  const int groups = sharing == Sharing::cell ? 1 : OfaNet::stages;
  const int layers = sharing == Sharing::free ? OfaNet::most_depth : 1;
  for (int g = 0; g < groups; ++g) {
    space.tokens.push_back({fmt::format("depth{}", g), 3});
    for (int l = 0; l < layers; ++l) {
      space.tokens.push_back({fmt::format("kernel{}.{}", g, l), 3});
      space.tokens.push_back({fmt::format("expansion{}.{}", g, l), 3});
    }
  }
  space.tokens.push_back({"resolution", static_cast<int>(resolutions.size())});
  return space;
}

OfaNet ofa_net(Sharing sharing, const Tokens& tokens) {
  ofa_space(sharing).check(tokens);
  OfaNet net{};
  const auto at = [&](size_t i) { return static_cast<size_t>(tokens[i]); };
  const size_t layers = sharing == Sharing::free ? OfaNet::most_depth : 1, group = 1 + 2 * layers;
  for (size_t s = 0; s < OfaNet::stages; ++s) {
    const size_t first = sharing == Sharing::cell ? 0 : s * group;
    net.depth[s] = depths[at(first)];
    for (size_t l = 0; l < OfaNet::most_depth; ++l) {
      const size_t own = first + 1 + 2 * (sharing == Sharing::free ? l : 0);
      net.kernel[s * OfaNet::most_depth + l] = kernels[at(own)];
      net.expand[s * OfaNet::most_depth + l] = expansions[at(own + 1)];
    }
  }
  net.resolution = resolutions[at(tokens.size() - 1)];
  return net;
}

}  // namespace betimes::systems::mnasnet
