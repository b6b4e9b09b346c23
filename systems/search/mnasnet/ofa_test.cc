#include "systems/search/mnasnet/ofa.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::mnasnet {
namespace {

Tensor random_tensor(Shape shape, Random& random) {
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

std::map<std::string, Tensor> weights(Random& random) {
  return {{"0.weight", random_tensor({7, 5}, random)}, {"0.bias", random_tensor({7}, random)},
          {"2.weight", random_tensor({3, 7}, random)}, {"2.bias", random_tensor({3}, random)},
          {"4.weight", random_tensor({1, 3}, random)}, {"4.bias", random_tensor({1}, random)}};
}

double naive(const std::map<std::string, Tensor>& tensors, std::vector<double> x) {
  for (const char* number : {"0", "2", "4"}) {
    const Tensor& weight = tensors.at(std::string(number) + ".weight");
    const Tensor& bias = tensors.at(std::string(number) + ".bias");
    std::vector<double> y;
    for (int64_t o = 0; o < weight.shape()[0]; ++o) {
      double sum = double{bias.data<float>()[static_cast<size_t>(o)]};
      for (size_t i = 0; i < x.size(); ++i) {
        sum += x[i] * double{weight.data<float>()[static_cast<size_t>(o) * x.size() + i]};
      }
      y.push_back(*number == '4' ? sum : std::max(0.0, sum));
    }
    x = y;
  }
  return x[0];
}

TEST(Perceptron, ComputesWhatItsLayersSay) {
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    const auto tensors = weights(random);
    const Perceptron perceptron(tensors, 5, "test");
    std::vector<float> input;
    std::vector<double> same;
    for (int j = 0; j < 5; ++j) {
      input.push_back(j == i % 5 ? 0 : static_cast<float>(random.normal()));
      same.push_back(double{input.back()});
    }
    EXPECT_NEAR(perceptron(input), naive(tensors, same), 1e-4);
    EXPECT_THROW(perceptron(std::span<const float>(input).first(4)), Error);
  }
}

TEST(Perceptron, RefusesTensorsThatDoNotFollowOneAnother) {
  Random random(2);
  const auto good = weights(random);
  const auto refused = [&](const std::string& name, const Tensor* tensor) {
    auto bad = good;
    bad.erase(name);
    if (tensor) bad.emplace(name, *tensor);
    EXPECT_THROW(Perceptron(bad, 5, "bad"), Error) << name;
  };
  for (const auto& [name, tensor] : good) {
    refused(name, nullptr);
    Shape longer = tensor.shape();
    longer.back() += 1;
    const Tensor other = random_tensor(longer, random), number(DType::i64, tensor.shape());
    refused(name, &other);
    refused(name, &number);
  }
  const Tensor more = random_tensor({1}, random);
  refused("6.bias", &more);
  EXPECT_THROW(Perceptron(good, 6, "bad"), Error);
  EXPECT_THROW(Perceptron({}, 5, "bad"), Error);
}

OfaNet net_of(int depth, int kernel, int expand, int resolution) {
  OfaNet net{};
  net.resolution = resolution;
  net.depth.fill(depth);
  net.kernel.fill(kernel);
  net.expand.fill(expand);
  return net;
}

TEST(OfaFeatures, AreOneHotAndZeroForUnusedLayers) {
  OfaNet net = net_of(2, 5, 4, 208);
  net.depth[1] = 3;
  net.kernel[5] = 7;
  net.expand[6] = 6;
  const auto found = features(net);
  double sum = 0;
  for (const float value : found) sum += double{value};
  EXPECT_EQ(sum, 2 * 11 + 1);
  EXPECT_EQ(found[0 * 3 + 1], 1);  // layer 0: kernel 5
  EXPECT_EQ(found[5 * 3 + 2], 1);  // layer 5: kernel 7
  EXPECT_EQ(found[2 * 3 + 1], 0);  // layer 2 isn't used
  EXPECT_EQ(found[60 + 6 * 3 + 2], 1);
  EXPECT_EQ(found[60 + 7 * 3 + 1], 0);
  EXPECT_EQ(found[120 + 6], 1);  // (208 - 112) / 16
}

TEST(OfaNet, RefusesWhatIsNotInTheSpace) {
  EXPECT_THROW(features(net_of(1, 3, 3, 224)), Error);
  EXPECT_THROW(features(net_of(2, 4, 3, 224)), Error);
  EXPECT_THROW(features(net_of(2, 3, 5, 224)), Error);
  EXPECT_THROW(features(net_of(2, 3, 3, 225)), Error);
}

TEST(OfaMacs, GrowWithEverything) {
  const double least = macs(net_of(2, 3, 3, 160));
  for (const OfaNet& larger :
       {net_of(3, 3, 3, 160), net_of(2, 5, 3, 160), net_of(2, 3, 4, 160), net_of(2, 3, 3, 176)}) {
    EXPECT_GT(macs(larger), least);
  }
  // The expansions' share of the smallest network, counted by hand for its first stage: 24 -> 72 at
  // 80 x 80, depthwise and projection at 40 x 40, then 32 -> 96 -> 32 at 40 x 40; against depth 3,
  // which has that last layer once more.
  const double layer = 40.0 * 40 * 96 * (32 + 9 + 32);
  OfaNet deeper = net_of(2, 3, 3, 160);
  deeper.depth[0] = 3;
  EXPECT_DOUBLE_EQ(macs(deeper) - least, layer);
}

TEST(OfaSpace, SharesDecisionsAsItSays) {
  const size_t lengths[] = {4, 16, 46};
  size_t i = 0;
  for (const Sharing sharing : {Sharing::cell, Sharing::factorised, Sharing::free}) {
    const TokenSpace space = ofa_space(sharing);
    EXPECT_EQ(space.length(), lengths[i++]);
    Random random(9);
    for (int draw = 0; draw < 50; ++draw) {
      Tokens tokens;
      for (const Token& token : space.tokens) {
        tokens.push_back(static_cast<int>(random.below(static_cast<uint64_t>(token.alternatives))));
      }
      const OfaNet net = ofa_net(sharing, tokens);
      EXPECT_NO_THROW(net.check());
      std::set<int> kernels(net.kernel.begin(), net.kernel.begin() + 4);
      EXPECT_TRUE(sharing == Sharing::free || kernels.size() == 1);
      std::set<int> depths(net.depth.begin(), net.depth.end());
      EXPECT_TRUE(sharing != Sharing::cell || depths.size() == 1);
      // Each token is looked at: another value gives another network.
      const size_t changed = random.below(tokens.size());
      Tokens other = tokens;
      other[changed] = (other[changed] + 1) % space.tokens[changed].alternatives;
      const OfaNet second = ofa_net(sharing, other);
      EXPECT_TRUE(second.depth != net.depth || second.kernel != net.kernel ||
                  second.expand != net.expand || second.resolution != net.resolution);
    }
  }
  EXPECT_THROW(ofa_net(Sharing::cell, {0, 0, 0}), Error);
}

TEST(OfaOracle, IsAbsentWithoutItsFiles) {
  EXPECT_FALSE(OfaOracle::present(""));
  EXPECT_FALSE(OfaOracle::present("/nowhere"));
  EXPECT_THROW(OfaOracle("/nowhere"), Error);
}

}  // namespace
}  // namespace betimes::systems::mnasnet
