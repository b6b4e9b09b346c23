// FusedConv and FusedGemm of domain com.microsoft against their definitions in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/import/testing/contrib.h"

namespace betimes::import {
namespace {

using namespace graph::testing;
using samples::computed;
using samples::expect_refused;
using samples::Written;
using Reals = std::vector<float>;

struct Activation {
  std::string name;
  Reals parameters;
};

const std::vector<Activation> activations = {
    {"", {}},          {"Relu", {}},           {"Tanh", {}},      {"Sigmoid", {}},
    {"LeakyRelu", {}}, {"LeakyRelu", {0.25f}}, {"Clip", {-1, 2}}, {"HardSigmoid", {0.5f, 0.25f}}};

double activated(const Activation& a, double x) {
  const auto parameter = [&](size_t i, double otherwise) {
    return i < a.parameters.size() ? double{a.parameters[i]} : otherwise;
  };
  if (a.name == "Relu") return std::max(x, 0.0);
  if (a.name == "Tanh") return std::tanh(x);
  if (a.name == "Sigmoid") return 1 / (1 + std::exp(-x));
  if (a.name == "LeakyRelu") return x < 0 ? parameter(0, double{0.01f}) * x : x;
  if (a.name == "Clip") return std::clamp(x, parameter(0, 0), parameter(1, 0));
  if (a.name == "HardSigmoid") {
    return std::clamp(parameter(0, 0.2) * x + parameter(1, 0.5), 0.0, 1.0);
  }
  return x;
}

TEST(OnnxFused, FusedConvAddsAndActivates) {
  Random random(250);
  for (const Activation& activation : activations) {
    for (int i = 0; i < 12; ++i) {
      const int64_t in = between(random, 1, 3), out = between(random, 1, 3);
      const int64_t length = between(random, 2, 7), stride = between(random, 1, 2);
      const Tensor x = random_tensor(random, DType::f32, {2, in, length});
      const Tensor w = random_tensor(random, DType::f32, {out, in, 2}, -1, 1);
      const Shape shape = {2, out, (length - 2) / stride + 1};
      std::optional<Tensor> bias, added;
      if (coin(random)) bias = random_tensor(random, DType::f32, {out});
      if (coin(random)) added = random_tensor(random, DType::f32, shape);
      Written call{"FusedConv", {x, w, bias, added}, {{"strides", std::vector<int64_t>{stride}}}};
      if (!activation.name.empty()) call.attributes["activation"] = activation.name;
      if (!activation.parameters.empty()) {
        call.attributes["activation_params"] = activation.parameters;
      }
      const Array expected = Array::made(shape, [&](const Index& at) {
        double sum = (bias ? Array(*bias)({at[1]}) : 0) + (added ? Array(*added)(at) : 0);
        for (int64_t c = 0; c < in; ++c) {
          for (int64_t k = 0; k < 2; ++k) {
            sum += Array(x)({at[0], c, at[2] * stride + k}) * Array(w)({at[1], c, k});
          }
        }
        return activated(activation, sum);
      });
      SCOPED_TRACE(activation.name + " of " + to_string(x.type()));
      expect_close(computed(call).at(0), DType::f32, expected, 20);
    }
  }
}

TEST(OnnxFused, FusedGemmActivates) {
  Random random(251);
  for (const Activation& activation : activations) {
    for (int i = 0; i < 6; ++i) {
      const int64_t m = between(random, 1, 4), k = between(random, 1, 6), n = between(random, 1, 4);
      const Tensor a = random_tensor(random, DType::f32, {m, k}, -1, 1);
      const Tensor b = random_tensor(random, DType::f32, {n, k}, -1, 1);
      std::optional<Tensor> c;
      if (coin(random)) c = random_tensor(random, DType::f32, {n});
      Written call{
          "FusedGemm", {a, b, c}, {{"transB", int64_t{1}}, {"alpha", 0.5f}, {"beta", 2.0f}}};
      if (!c) call.inputs.pop_back();
      if (!activation.name.empty()) call.attributes["activation"] = activation.name;
      const char* keys[] = {"activation_alpha", "activation_beta"};
      for (size_t p = 0; p < activation.parameters.size(); ++p) {
        call.attributes[keys[p]] = activation.parameters[p];
      }
      const Array expected = Array::made({m, n}, [&](const Index& at) {
        double sum = c ? 2 * Array(*c)({at[1]}) : 0;
        for (int64_t j = 0; j < k; ++j) sum += Array(a)({at[0], j}) * Array(b)({at[1], j}) / 2;
        return activated(activation, sum);
      });
      SCOPED_TRACE(activation.name);
      expect_close(computed(call).at(0), DType::f32, expected, 20);
    }
  }
}

TEST(OnnxFused, ActivationsAreRefusedByName) {
  const Tensor x(DType::f32, {1, 1, 3});
  const auto with = [&](const char* activation, const Reals& parameters) {
    return Written{"FusedConv",
                   {x, x},
                   {{"activation", std::string(activation)}, {"activation_params", parameters}}};
  };
  expect_refused(with("Softmax", {}), "'Softmax' isn't supported");
  expect_refused(with("Clip", {1}), "1 bounds");
}

}  // namespace
}  // namespace betimes::import
