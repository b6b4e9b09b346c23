#include "systems/spiking/snn-delays/train_delays.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/spiking/snn-delays/coincide.h"
#include "systems/spiking/snn-delays/delay_stream.h"

namespace betimes::systems::snn_delays {
namespace {

using at::Tensor;

TEST(DelayKernels, GradientOfAPositionIsItsClosedForm) {
  torch::manual_seed(1);
  const int64_t taps = 9;
  const double sigma = 0.8, s = sigma + 0.27;
  const Tensor weight = torch::randn({3, 2}), outer = torch::randn({3, 2, taps});
  const Tensor position = ((torch::rand({3, 2}) - 0.5) * 7).requires_grad_();
  const Tensor kernel = gaussian_kernel(weight, position, taps, sigma);
  (kernel * outer).sum().backward();
  for (int64_t k = 0; k < 6; ++k) {
    const double w = weight.view(-1)[k].item<double>();
    const double c = position.view(-1)[k].item<double>() + 4;
    std::vector<double> g;
    double sum = 1e-7, centre = 0, right = 0;
    for (int64_t n = 0; n < taps; ++n) {
      g.push_back(std::exp(-0.5 * std::pow((static_cast<double>(n) - c) / s, 2)));
      sum += g.back();
    }
    for (int64_t n = 0; n < taps; ++n) {
      centre += g[static_cast<size_t>(n)] / sum * (static_cast<double>(n) - c) / (s * s);
    }
    for (int64_t n = 0; n < taps; ++n) {
      const double share = g[static_cast<size_t>(n)] / sum;
      EXPECT_NEAR(kernel.view({6, taps})[k][n].item<double>(), w * share, 1e-6);
      right += outer.view({6, taps})[k][n].item<double>() * w * share *
               ((static_cast<double>(n) - c) / (s * s) - centre);
    }
    EXPECT_NEAR(position.grad().view(-1)[k].item<double>(), right, 1e-5);
  }
}

TEST(DelayKernels, RoundedOnesHaveOneTapEach) {
  const Tensor weight = torch::tensor({{2.0f, -3.0f, 5.0f}});
  const Tensor position = torch::tensor({{-1.4f, 0.6f, 9.0f}});  // the last is clamped
  const Tensor kernel = rounded_kernel(weight, position, 5);
  const Tensor right = torch::tensor(
      {{{0.f, 2.f, 0.f, 0.f, 0.f}, {0.f, 0.f, 0.f, -3.f, 0.f}, {0.f, 0.f, 0.f, 0.f, 5.f}}});
  EXPECT_TRUE(kernel.equal(right));
  // Narrow Gaussians at whole positions are nearly that.
  const Tensor narrow = gaussian_kernel(weight, position.round().clamp(-2, 2), 5, 0);
  EXPECT_LT((narrow - right).abs().max().item<double>(), 0.02);
}

TEST(DelayModule, IsServedAsItIsRounded) {
  torch::manual_seed(2);
  const Splits data = make_coincide({}, 40, 10, 10, 3);
  for (const Delays delays : {Delays::learned, Delays::random, Delays::none}) {
    DelayOptions options;
    options.delays = delays;
    options.hidden = 20;
    options.dropout = 0;
    DelayModule module(options, 40, 10);
    const Tensor counts = as_tensor(data.train);
    const Net net = module->served(counts);
    // In training mode the norms use this batch's own statistics, as served() did; the variance in
    // a batch's norm is the biased one, which makes it nearly but not quite the same.
    std::vector<Tensor> spikes;
    const Tensor mass = module->forward(counts, -1, &spikes);
    DelayStream stream(net, Path::events);
    int64_t same = 0;
    for (int64_t e = 0; e < 40; ++e) {
      const Reading found = listen(stream, data.train, e, 1);
      same += found.best == mass[e].argmax().item<int64_t>() ? 1 : 0;
      EXPECT_EQ(found.bins, readout_bins(net, 60));
    }
    EXPECT_GE(same, 38);
    EXPECT_GT(spikes[0].mean().item<double>(), 0.005);
    EXPECT_EQ(spikes[0].size(0), 60 + net.tail());
  }
}

TEST(DelayTraining, LearnsWhatOnlyDelaysCanTell) {
  Coincide easy;
  easy.classes = 3;
  easy.distractors = 0;
  const Splits data = make_coincide(easy, 192, 60, 60, 5);
  DelayTraining training;
  training.epochs = 8;
  training.batch = 32;
  int lines = 0;
  training.line = [&](const std::string&) { ++lines; };
  DelayOptions options;
  options.hidden = 32;
  options.dropout = 0;
  const Trained trained = train_delays("learned", options, training, data);
  EXPECT_EQ(lines, 8);
  EXPECT_GT(served_accuracy(trained.net, data.test), 0.6);  // chance is a third
  const Trained again = train_delays("learned", options, training, data);
  EXPECT_EQ(served_hits(again.net, data.test), served_hits(trained.net, data.test));
}

TEST(DelayTraining, RefusesWhatMakesNoSense) {
  DelayOptions options;
  options.tau = 1;
  EXPECT_THROW(DelayModule(options, 4, 2), Error);
  const Splits data = make_coincide({}, 20, 5, 5, 1);
  EXPECT_THROW(train_delays("x", {}, {}, data), Error);  // fewer than a batch
}

}  // namespace
}  // namespace betimes::systems::snn_delays
