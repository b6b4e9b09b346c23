#include "systems/spiking/common/train_neurons.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "betimes/base/error.h"

// Neurons in one function against the same written step by step for autograd: the step's value with
// the slope of a smooth function, and a reset that carries no gradient.

namespace betimes::systems::spiking {
namespace {

using at::Tensor;

/// The function whose slope the triangle is, up to a constant.
Tensor smooth_triangle(const Tensor& z) {
  const Tensor c = z.clamp(-1, 1);
  return 0.3 * (c - c.sign() * c * c / 2);
}
Tensor smooth_arctan(const Tensor& z) { return (M_PI / 2 * 5 * z).atan() / M_PI; }

/// The step's value, the slope of `smooth`.
Tensor step_with(const std::function<Tensor(const Tensor&)>& smooth, const Tensor& z,
                 const Tensor& fired) {
  const Tensor s = smooth(z);
  return s + (fired - s).detach();
}

Tensor naive_soft_reset(const Tensor& currents, const Tensor& threshold, const Tensor& leak) {
  std::vector<Tensor> spikes;
  Tensor m = torch::zeros_like(currents[0]);
  for (int64_t t = 0; t < currents.size(0); ++t) {
    const Tensor u = leak * m + currents[t];
    const Tensor fired = (u > threshold).to(at::kFloat);
    spikes.push_back(step_with(smooth_triangle, u / threshold - 1, fired));
    m = u - threshold * fired;
  }
  return torch::stack(spikes);
}

Tensor naive_hard_reset(const Tensor& currents, double leak) {
  std::vector<Tensor> spikes;
  Tensor m = torch::zeros_like(currents[0]);
  for (int64_t t = 0; t < currents.size(0); ++t) {
    const Tensor v = leak * m + currents[t];
    const Tensor fired = (v >= 1).to(at::kFloat);
    spikes.push_back(step_with(smooth_arctan, v - 1, fired));
    m = v * (1 - fired);
  }
  return torch::stack(spikes);
}

Tensor parameter(double value) { return torch::tensor(value, at::kFloat).requires_grad_(); }

void expect_close(const Tensor& found, const Tensor& right) {
  ASSERT_TRUE(found.defined());
  ASSERT_EQ(found.sizes(), right.sizes());
  const double scale = right.abs().max().item<double>() + 1e-3;
  EXPECT_LE((found - right).abs().max().item<double>() / scale, 2e-5);
}

TEST(SpikingNeurons, SlopesAreThoseOfTheSmoothFunctions) {
  for (double z = -1.93; z < 2; z += 0.11) {
    const auto slope = [&](auto smooth) {
      const double h = 1e-4;
      const Tensor points = torch::tensor({z - h, z + h}, at::kDouble);
      const Tensor values = smooth(points);
      return (values[1] - values[0]).template item<double>() / (2 * h);
    };
    EXPECT_NEAR(triangle_slope(z), slope(smooth_triangle), 1e-4);
    EXPECT_NEAR(arctan_slope(z), slope(smooth_arctan), 1e-4);
  }
}

TEST(SpikingNeurons, SoftResetHasTheSpikesAndGradientsOfItsDefinition) {
  torch::manual_seed(1);
  for (const int64_t steps : {1, 2, 5}) {
    const Tensor drawn = torch::randn({steps, 3, 700}) + 0.5;
    const Tensor weights = torch::randn_like(drawn);
    std::vector<Tensor> found, right;
    for (const auto& [neurons, gradients] :
         {std::pair{&soft_reset_spikes, &found}, std::pair{&naive_soft_reset, &right}}) {
      const Tensor currents = drawn.clone().requires_grad_();
      const Tensor threshold = parameter(0.8), leak = parameter(0.7);
      const Tensor spikes = neurons(currents, threshold, leak);
      (spikes * weights).sum().backward();
      *gradients = {spikes.detach(), currents.grad(), threshold.grad(), leak.grad()};
    }
    EXPECT_TRUE(found[0].equal(right[0].round()));
    EXPECT_GT(found[0].mean().item<double>(), 0.1);
    for (size_t i = 1; i < 4; ++i) expect_close(found[i], right[i]);
    if (steps == 1) {
      EXPECT_EQ(found[3].item<double>(), 0);  // nothing leaks in one step
    }
  }
}

TEST(SpikingNeurons, HardResetHasTheSpikesAndGradientsOfItsDefinition) {
  torch::manual_seed(2);
  for (const double leak : {0.005, 0.6}) {
    const Tensor drawn = torch::randn({9, 2, 1100}) + 0.4;
    const Tensor weights = torch::randn_like(drawn);
    std::vector<Tensor> found, right;
    for (const auto& [neurons, gradients] :
         {std::pair{&hard_reset_spikes, &found}, std::pair{&naive_hard_reset, &right}}) {
      const Tensor currents = drawn.clone().requires_grad_();
      const Tensor spikes = neurons(currents, leak);
      (spikes * weights).sum().backward();
      *gradients = {spikes.detach(), currents.grad()};
    }
    EXPECT_TRUE(found[0].equal(right[0].round()));
    EXPECT_GT(found[0].mean().item<double>(), 0.1);
    expect_close(found[1], right[1]);
  }
}

TEST(SpikingNeurons, LeakySumsAreTheirClosedForm) {
  torch::manual_seed(3);
  const Tensor currents = torch::randn({6, 40}).requires_grad_();
  const Tensor weights = torch::randn({6, 40});
  const Tensor sums = leaky_sums(currents, 0.5);
  (sums * weights).sum().backward();
  Tensor mixing = torch::zeros({6, 6});  // sum_t = sum over s <= t of 0.5^(t - s) current_s
  for (int64_t t = 0; t < 6; ++t) {
    for (int64_t s = 0; s <= t; ++s) mixing[t][s] = std::pow(0.5, static_cast<double>(t - s));
  }
  expect_close(sums.detach(), mixing.mm(currents.detach()));
  expect_close(currents.grad(), mixing.t().mm(weights));
}

TEST(SpikingNeurons, RefuseWhatMakesNoSense) {
  const Tensor currents = torch::zeros({2, 3});
  EXPECT_THROW(soft_reset_spikes(currents, parameter(0), parameter(1)), Error);
  EXPECT_THROW(soft_reset_spikes(currents, torch::ones({2}), parameter(1)), Error);
  EXPECT_THROW(hard_reset_spikes(currents.to(at::kDouble), 0.5), Error);
  EXPECT_THROW(hard_reset_spikes(torch::zeros({0, 3}), 0.5), Error);
}

}  // namespace
}  // namespace betimes::systems::spiking
