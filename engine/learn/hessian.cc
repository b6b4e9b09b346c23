#include "betimes/learn/hessian.h"

#include <torch/autograd.h>

#include <cmath>
#include <random>

#include "betimes/base/error.h"

namespace betimes::learn {
namespace {

at::Tensor rademacher_like(const at::Tensor& parameter, std::mt19937_64& random) {
  at::Tensor signs = at::empty(parameter.sizes(), at::kFloat);
  float* data = signs.data_ptr<float>();
  for (int64_t i = 0; i < signs.numel(); ++i) data[i] = random() & 1 ? 1.0f : -1.0f;
  return signs.to(parameter.scalar_type());
}

/// Where the loss doesn't depend on a parameter, LibTorch gives nothing.
std::vector<at::Tensor> or_zeros(std::vector<at::Tensor> found,
                                 const std::vector<at::Tensor>& parameters) {
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].defined()) found[i] = at::zeros_like(parameters[i]);
  }
  return found;
}

}  // namespace

Hessian::Hessian(const ScalarLoss& loss, std::vector<at::Tensor> parameters)
    : parameters_(std::move(parameters)) {
  const at::Tensor value = loss();
  loss_ = value.item<double>();
  if (!std::isfinite(loss_)) throw Error("loss", "isn't finite: it has no Hessian here");
  gradient_ = or_zeros(torch::autograd::grad({value}, parameters_, {}, /*retain_graph=*/true,
                                             /*create_graph=*/true, /*allow_unused=*/true),
                       parameters_);
}

std::vector<at::Tensor> Hessian::times(const std::vector<at::Tensor>& v) const {
  if (v.size() != parameters_.size()) throw Error("Hessian", "needs a vector for each parameter");
  at::Tensor product = at::zeros({}, gradient_.front().options());
  for (size_t i = 0; i < v.size(); ++i) product = product + (gradient_[i] * v[i].detach()).sum();
  if (!product.requires_grad()) return or_zeros(std::vector<at::Tensor>(v.size()), parameters_);
  return or_zeros(torch::autograd::grad({product}, parameters_, {}, /*retain_graph=*/true,
                                        /*create_graph=*/false, /*allow_unused=*/true),
                  parameters_);
}

Trace hutchinson_trace(const Hessian& hessian, const std::vector<at::Tensor>& parameters, int draws,
                       uint64_t seed) {
  if (draws < 1) throw Error("trace", "needs at least one draw");
  std::mt19937_64 random(seed);
  const size_t n = parameters.size();
  std::vector<double> sum(n), squares(n);
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<at::Tensor> v;
    for (const at::Tensor& parameter : parameters) v.push_back(rademacher_like(parameter, random));
    const std::vector<at::Tensor> product = hessian.times(v);
    for (size_t i = 0; i < n; ++i) {
      const double value = (v[i] * product[i]).sum().item<double>();
      sum[i] += value;
      squares[i] += value * value;
    }
  }
  Trace trace;
  const double count = draws;
  for (size_t i = 0; i < n; ++i) {
    const double mean = sum[i] / count;
    const double variance = std::max(0.0, squares[i] / count - mean * mean);
    trace.of_parameter.push_back(mean);
    trace.standard_error.push_back(std::sqrt(variance / count));
  }
  return trace;
}

}  // namespace betimes::learn
