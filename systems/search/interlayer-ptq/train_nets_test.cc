#include "systems/search/interlayer-ptq/train_nets.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "betimes/base/error.h"

namespace betimes::systems::interlayer_ptq {
namespace {

at::Tensor images(int64_t n) { return at::rand({n, 1, 28, 28}); }

class EveryNet : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryNet, GivesTheSameWithNormsFolded) {
  torch::manual_seed(1);
  const Net net = make_net(GetParam());
  const at::Tensor x = images(8);
  {
    const torch::NoGradGuard no_gradient;
    for (int i = 0; i < 5; ++i) net->forward(images(32));  // running statistics
  }
  net->eval();
  const torch::NoGradGuard no_gradient;
  const at::Tensor before = net->forward(x);
  net->fold_norms();
  EXPECT_LT((net->forward(x) - before).abs().max().item<float>(),
            1e-4f * (1 + before.abs().max().item<float>()));
  EXPECT_EQ(net->layers().size(), net->layer_names().size());
}

TEST_P(EveryNet, LosesMoreWithFewerBits) {
  torch::manual_seed(2);
  const Net net = make_net(GetParam());
  const torch::NoGradGuard no_gradient;
  for (int i = 0; i < 5; ++i) net->forward(images(32));
  net->eval();
  net->fold_norms();
  const at::Tensor x = images(64);
  for (const auto& layer : net->layers()) layer->observe(true);
  const at::Tensor exact = net->forward(x);
  for (const auto& layer : net->layers()) {
    layer->observe(false);
    layer->calibrate({8, 4});
  }
  const auto error = [&](int bits) {
    for (const auto& layer : net->layers()) layer->set_bits(bits);
    return (net->forward(x) - exact).norm().item<double>() / exact.norm().item<double>();
  };
  const double at8 = error(8), at4 = error(4);
  EXPECT_GT(at8, 0);
  EXPECT_LT(at8, 0.2);
  EXPECT_GT(at4, 2 * at8);
  EXPECT_EQ(error(16), 0);
}

INSTANTIATE_TEST_SUITE_P(All, EveryNet, ::testing::ValuesIn(net_names()), [](const auto& name) {
  std::string safe = name.param;
  std::replace(safe.begin(), safe.end(), '-', '_');
  return safe;
});

TEST(Layer, WeightsLieOnTheirGrid) {
  torch::manual_seed(3);
  Layer layer(LayerImpl::Options{3, 5, 3, 1, 1, false});
  const torch::NoGradGuard no_gradient;
  layer->weight()[2].zero_();  // a constant channel
  layer->observe(true);
  layer->forward(at::randn({70, 3, 6, 6}));
  layer->observe(false);
  layer->calibrate({8, 4});
  for (const int bits : {8, 4}) {
    const at::Tensor rounded = layer->weight() + layer->rounding_error(bits);
    for (int64_t c = 0; c < 5; ++c) {
      const at::Tensor channel = rounded[c].flatten();
      const double top = channel.abs().max().item<double>();
      if (c == 2) {
        EXPECT_EQ(top, 0);
        continue;
      }
      // However far the scale was shrunk, values are whole multiples of some scale, and the largest
      // is 2^(bits-1) - 1 of them.
      const at::Tensor steps = channel / top * ((1 << (bits - 1)) - 1);
      EXPECT_LT((steps - steps.round()).abs().max().item<double>(), 1e-3);
    }
  }
  EXPECT_THROW(layer->set_bits(5), Error);
  EXPECT_THROW(Layer(LayerImpl::Options{1, 1, 0, 1, 1, false})->calibrate({8}), Error);
}

TEST(Layer, UnknownNetsAreRefused) { EXPECT_THROW(make_net("vgg"), Error); }

}  // namespace
}  // namespace betimes::systems::interlayer_ptq
