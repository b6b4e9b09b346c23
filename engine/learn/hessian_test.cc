#include "betimes/learn/hessian.h"

#include <gtest/gtest.h>
#include <torch/autograd.h>
#include <torch/nn.h>

#include "betimes/base/error.h"
#include "betimes/learn/functional.h"

namespace betimes::learn {
namespace {

const at::TensorOptions f64 = at::TensorOptions(at::kDouble);

TEST(Hessian, OfAQuadraticFormIsItsMatrix) {
  torch::manual_seed(1);
  const at::Tensor half = at::randn({6, 6}, f64);
  const at::Tensor matrix = half + half.t();
  const at::Tensor a = at::randn({4}, f64).requires_grad_();
  const at::Tensor b = at::randn({2}, f64).requires_grad_();
  const ScalarLoss loss = [&] {
    const at::Tensor x = at::cat({a, b});
    return 0.5 * x.dot(matrix.mv(x));
  };
  const Hessian hessian(loss, {a, b});
  const at::Tensor v = at::randn({6}, f64);
  const auto product = hessian.times({v.slice(0, 0, 4), v.slice(0, 4)});
  EXPECT_LT((at::cat({product[0], product[1]}) - matrix.mv(v)).abs().max().item<double>(), 1e-12);

  const Trace trace = hutchinson_trace(hessian, {a, b}, 4000, 1);
  const at::Tensor diagonal = matrix.diagonal();
  EXPECT_NEAR(trace.of_parameter[0], diagonal.slice(0, 0, 4).sum().item<double>(),
              4 * trace.standard_error[0]);
  EXPECT_NEAR(trace.of_parameter[1], diagonal.slice(0, 4).sum().item<double>(),
              4 * trace.standard_error[1]);
  EXPECT_LT(trace.standard_error[0], 0.2);
}

TEST(Hessian, OfANetworkAgreesWithDifferencesOfItsGradient) {
  torch::manual_seed(2);
  torch::nn::Sequential net(torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 3, 3)), torch::nn::Tanh(),
                            torch::nn::Flatten(), torch::nn::Linear(12, 4));
  net->to(at::kDouble);
  const at::Tensor x = at::randn({5, 1, 4, 4}, f64);
  const at::Tensor labels = at::randint(4, {5}, at::kLong);
  const ScalarLoss loss = [&] { return torch::cross_entropy_loss(net->forward(x), labels); };
  const std::vector<at::Tensor> parameters = net->parameters();
  const Hessian hessian(loss, parameters);
  std::vector<at::Tensor> v;
  for (const at::Tensor& parameter : parameters) v.push_back(at::randn_like(parameter));
  const auto product = hessian.times(v);
  const double step = 1e-5;
  const auto gradient_at = [&](double sign) {
    {
      const torch::NoGradGuard no_gradient;
      for (size_t i = 0; i < v.size(); ++i) {
        at::Tensor parameter = parameters[i];
        parameter.add_(v[i], sign * step);
      }
    }
    return Hessian(loss, parameters).gradient();
  };
  const auto above = gradient_at(1);
  const auto below = gradient_at(-2);
  for (size_t i = 0; i < v.size(); ++i) {
    const at::Tensor difference = (above[i] - below[i]).detach() / (2 * step);
    EXPECT_LT((difference - product[i]).abs().max().item<double>(), 1e-7);
  }
}

TEST(Hessian, OfWhatALossDoesntDependOnIsZero) {
  const at::Tensor a = at::randn({3}, f64).requires_grad_();
  const at::Tensor b = at::randn({3}, f64).requires_grad_();
  const Hessian hessian([&] { return (a * a).sum(); }, {a, b});
  const auto product = hessian.times({at::ones({3}, f64), at::ones({3}, f64)});
  EXPECT_TRUE(at::equal(product[0], at::full({3}, 2.0, f64)));
  EXPECT_TRUE(at::equal(product[1], at::zeros({3}, f64)));
  const Hessian linear([&] { return a.sum(); }, {a});
  EXPECT_TRUE(at::equal(linear.times({at::ones({3}, f64)})[0], at::zeros({3}, f64)));
}

/// One inner step of gradient descent, then the loss on other data: MAML's outer gradient, against
/// differences of the whole computation.
TEST(Functional, GradientsGoThroughAnInnerStep) {
  torch::manual_seed(3);
  torch::nn::Sequential net(torch::nn::Linear(3, 5), torch::nn::Tanh(), torch::nn::Linear(5, 1));
  net->to(at::kDouble);
  const Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{net->forward(inputs[0])};
  };
  const at::Tensor x = at::randn({4, 3}, f64), y = at::randn({4, 1}, f64);
  const Functional function(*net, forward, {x});
  EXPECT_EQ(function.names(),
            (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"}));
  EXPECT_TRUE(at::equal(function(net->parameters(), {x})[0], net->forward(x)));

  const auto outer = [&] {
    const std::vector<at::Tensor> slow = net->parameters();
    const at::Tensor inner = torch::mse_loss(function(slow, {x})[0], y);
    const auto gradient = torch::autograd::grad({inner}, slow, {}, true, /*create_graph=*/true);
    std::vector<at::Tensor> fast;
    for (size_t i = 0; i < slow.size(); ++i) fast.push_back(slow[i] - 0.3 * gradient[i]);
    return torch::mse_loss(function(fast, {x + 1})[0], y);
  };
  const auto gradient = torch::autograd::grad({outer()}, net->parameters());
  at::Tensor weight = net->parameters()[0];
  const double step = 1e-6;
  for (int64_t i = 0; i < 3; ++i) {
    const auto moved = [&](double by) {
      {
        const torch::NoGradGuard no_gradient;
        weight[1][i].add_(by);
      }
      return outer().item<double>();
    };
    const double above = moved(step), below = moved(-2 * step);
    moved(step);
    EXPECT_NEAR((above - below) / (2 * step), gradient[0][1][i].item<double>(), 1e-7);
  }
  EXPECT_THROW(function({weight}, {x}), Error);
}

}  // namespace
}  // namespace betimes::learn
