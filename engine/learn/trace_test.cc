#include "betimes/learn/trace.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <functional>
#include <map>
#include <string>

#include "betimes/base/error.h"
#include "betimes/graph/specialize.h"
#include "betimes/learn/models/fashion_classifier.h"
#include "betimes/runtime/session.h"

namespace betimes::learn {
namespace {

namespace nn = torch::nn;
namespace F = torch::nn::functional;
using at::Tensor;

/// A model given by its layers and by what it does with them.
struct Case {
  std::string name;
  std::vector<int64_t> input;  // with a batch of 2
  std::function<std::function<Tensor(const Tensor&)>(nn::Module&)> build;
};

/// Statistics as after training: a batch norm that is still the identity would hide mistakes.
void randomize(nn::Module& module) {
  const torch::NoGradGuard no_gradient;
  for (Tensor& parameter : module.parameters()) {
    parameter.add_(at::randn_like(parameter), 0.1);
  }
  for (const auto& buffer : module.named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0.0, 0.3);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2.0);
  }
}

template <class Holder>
Holder with(nn::Module& module, const std::string& name, Holder layer) {
  return module.register_module(name, layer);
}

nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                        .stride(stride)
                        .padding(kernel / 2)
                        .groups(groups)
                        .bias(groups == 1));
}

Case mlp() {
  return {"mlp", {2, 20}, [](nn::Module& m) {
            auto first = with(m, "first", nn::Linear(20, 32));
            auto norm = with(m, "norm", nn::BatchNorm1d(32));
            auto second = with(m, "second", nn::Linear(32, 5));
            auto drop = with(m, "drop", nn::Dropout(0.5));
            return [=](const Tensor& x) mutable {
              return torch::softmax(second(drop(torch::gelu(norm(first(x))))), 1);
            };
          }};
}

Case residual() {
  return {"residual", {2, 3, 12, 12}, [](nn::Module& m) {
            auto stem = with(m, "stem", conv(3, 16, 3, 2));
            auto norm = with(m, "norm", nn::BatchNorm2d(16));
            auto block = with(m, "block", ResidualBlock(16));
            auto head = with(m, "head", nn::Linear(16, 4));
            return [=](const Tensor& x) mutable {
              const Tensor h = block(torch::relu(norm(stem(x))));
              return torch::log_softmax(head(h.mean({2, 3})), -1);
            };
          }};
}

Case depthwise() {
  return {"depthwise", {2, 8, 10, 10}, [](nn::Module& m) {
            auto wide = with(m, "wide", conv(8, 24, 1));
            auto deep = with(m, "deep", conv(24, 24, 3, 2, 24));
            auto norm = with(m, "norm", nn::BatchNorm2d(24));
            auto narrow = with(m, "narrow", conv(24, 8, 1));
            return [=](const Tensor& x) mutable {
              const Tensor h = torch::hardtanh(norm(deep(F::relu6(wide(x)))), 0.0, 6.0);
              return torch::hardswish(narrow(h)).flatten(1);
            };
          }};
}

Case u_shape() {
  return {"u_shape", {2, 3, 16, 16}, [](nn::Module& m) {
            auto down = with(m, "down", conv(3, 8, 3, 2));
            auto deeper = with(m, "deeper", conv(8, 12, 3, 2));
            auto up =
                with(m, "up", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(12, 8, 2).stride(2)));
            auto out = with(m, "out", conv(16, 8, 3));
            auto last = with(m, "last", conv(11, 2, 1));
            return [=](const Tensor& x) mutable {
              const Tensor a = torch::leaky_relu(down(x), 0.1);
              const Tensor b = F::silu(out(torch::cat({a, up(torch::elu(deeper(a)))}, 1)));
              const Tensor c = F::interpolate(b, F::InterpolateFuncOptions()
                                                     .scale_factor(std::vector<double>{2.0, 2.0})
                                                     .mode(torch::kNearest));
              const Tensor d = F::interpolate(c, F::InterpolateFuncOptions()
                                                     .size(std::vector<int64_t>{16, 16})
                                                     .mode(torch::kBilinear)
                                                     .align_corners(false));
              return torch::sigmoid(last(torch::cat({d, x}, 1)));
            };
          }};
}

Case squeeze_excite() {
  return {"squeeze_excite", {2, 16, 7, 7}, [](nn::Module& m) {
            auto reduce = with(m, "reduce", nn::Linear(16, 4));
            auto expand = with(m, "expand", nn::Linear(4, 16));
            auto gate = with(m, "gate", conv(16, 16, 1));
            return [=](const Tensor& x) mutable {
              const Tensor pooled = torch::adaptive_avg_pool2d(x, {1, 1}).view({x.size(0), -1});
              const Tensor s = torch::sigmoid(expand(torch::relu(reduce(pooled))));
              const Tensor y = x * s.view({x.size(0), 16, 1, 1});
              return y * torch::hardsigmoid(gate(y.mean({2, 3}, true)));
            };
          }};
}

Case pooling() {
  return {"pooling", {2, 4, 12, 12}, [](nn::Module& m) {
            auto slope = with(m, "slope", nn::PReLU(nn::PReLUOptions().num_parameters(4)));
            return [=](const Tensor& x) mutable {
              const Tensor a = torch::max_pool2d(slope(x), {3, 3}, {2, 2}, {1, 1});
              const Tensor b = torch::avg_pool2d(x, {3, 3}, {2, 2}, {1, 1}, false, false);
              const Tensor c = torch::adaptive_avg_pool2d(x, {6, 6});
              const Tensor d = torch::constant_pad_nd(a + 2.0 * b - c / 3.0, {1, 0, 0, 1}, 0.5);
              return torch::adaptive_avg_pool2d(torch::tanh(d), {1, 1}).squeeze(3).squeeze(2);
            };
          }};
}

Case attention() {
  return {"attention", {2, 6, 16}, [](nn::Module& m) {
            auto norm = with(m, "norm", nn::LayerNorm(nn::LayerNormOptions({16})));
            auto qkv = with(m, "qkv", nn::Linear(16, 48));
            auto out = with(m, "out", nn::Linear(16, 16));
            return [=](const Tensor& x) mutable {
              const auto parts = qkv(norm(x)).chunk(3, -1);
              const auto heads = [&](const Tensor& t) {
                return t.reshape({x.size(0), 6, 4, 4}).transpose(1, 2);
              };
              const Tensor scores = torch::matmul(heads(parts[0]), heads(parts[1]).transpose(2, 3));
              const Tensor mixed = torch::matmul(torch::softmax(scores * 0.5, -1), heads(parts[2]));
              const Tensor y = x + out(mixed.permute({0, 2, 1, 3}).reshape({x.size(0), 6, 16}));
              return torch::cat({y.select(1, 0).unsqueeze(1), y.slice(1, 1, 5, 2)}, 1);
            };
          }};
}

Case arithmetic() {
  return {"arithmetic", {2, 5, 3}, [](nn::Module& m) {
            auto scale = m.register_parameter("scale", at::rand({3}) + 0.5);
            auto norm = with(m, "norm", nn::GroupNorm(nn::GroupNormOptions(1, 5)));
            return [=](const Tensor& x) mutable {
              const Tensor a = torch::sqrt(x.pow(2) + 1.0) / scale;
              const Tensor b = torch::rsub(torch::exp(-x.abs()), 1.0);
              const Tensor c = torch::add(a, b, 0.5).clamp(-1.0, 1.5);
              return norm(torch::stack({c, x.clamp_min(0.0)}, 1).sum({1})) - x.mean(1, true);
            };
          }};
}

void expect_close(const betimes::Tensor& output, const Tensor& expected, const char* who) {
  const Tensor found = to_torch(output);
  ASSERT_EQ(found.sizes(), expected.sizes()) << who;
  EXPECT_LT((found - expected).abs().max().item<float>(), 1e-5) << who;
}

class Traced : public testing::TestWithParam<Case> {};

/// Traced with one batch size, compared on another: nothing of the example's batch may remain.
TEST_P(Traced, GivesWhatLibTorchGives) {
  torch::manual_seed(7);
  nn::Module module;
  const auto call = GetParam().build(module);
  randomize(module);
  const Forward forward = [&](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{call(in[0])};
  };
  std::vector<int64_t> shape = GetParam().input;
  const graph::Graph graph = trace(module, forward, {at::randn(shape)});

  shape[0] = 3;
  const Tensor input = at::randn(shape);
  const torch::NoGradGuard no_gradient;
  module.eval();
  const Tensor expected = call(input);
  const std::map<std::string, betimes::Tensor> inputs = {{"input", from_torch(input)}};
  expect_close(graph::evaluate(graph, inputs).at("output"), expected, "evaluator");
  runtime::CompileOptions options;
  options.shapes = {{"input", shape}};
  runtime::Session session(runtime::compile(graph, options));
  expect_close(session.run(inputs).at("output"), expected, "runtime");
}

INSTANTIATE_TEST_SUITE_P(Models, Traced,
                         testing::Values(mlp(), residual(), depthwise(), u_shape(),
                                         squeeze_excite(), pooling(), attention(), arithmetic()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Trace, NamesNodesAndWeightsAfterLayers) {
  FashionClassifier model;
  const graph::Graph graph = trace(model, at::zeros({1, 1, 28, 28}));
  EXPECT_TRUE(graph.constants.contains("middle.first.weight"));
  EXPECT_EQ(graph.nodes[0].name, "stem");
  EXPECT_EQ(graph.nodes[0].op, "Conv");
  EXPECT_EQ(to_string(graph.inputs[0]), "input: float32[N, 1, 28, 28]");
  EXPECT_TRUE(model->is_training()) << "the module's mode is put back";
  EXPECT_TRUE(model->parameters()[0].requires_grad());
}

TEST(Trace, KeepsAFixedBatchWhereAsked) {
  nn::Linear model(3, 2);
  const graph::Graph graph = trace(model, at::zeros({4, 3}), {.batch = ""});
  EXPECT_EQ((*graph.inputs[0].dims)[0].extent, 4);
  EXPECT_EQ((*graph.outputs[0].dims)[0].extent, 4);
}

TEST(Trace, GivesSeveralOutputsAlsoWhenTheyAreTheSame) {
  nn::Linear model(3, 3);
  const Forward forward = [&](const std::vector<Tensor>& in) {
    const Tensor y = model(in[0]) + in[1];
    return std::vector<Tensor>{y, y, in[1]};
  };
  const Tensor a = at::randn({2, 3}), b = at::randn({2, 3});
  const graph::Graph graph =
      trace(*model, forward, {a, b}, {.inputs = {"a", "b"}, .outputs = {"x", "y", "z"}});
  const auto outputs = graph::evaluate(graph, {{"a", from_torch(a)}, {"b", from_torch(b)}});
  EXPECT_TRUE(at::equal(to_torch(outputs.at("x")), to_torch(outputs.at("y"))));
  EXPECT_TRUE(at::equal(to_torch(outputs.at("z")), b));
}

TEST(Trace, RefusesAnOperationByName) {
  nn::Linear model(4, 4);
  const Forward forward = [&](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{torch::cumprod(model(in[0]), 1)};
  };
  try {
    trace(*model, forward, {at::zeros({2, 4})});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("aten::cumprod([2, 4])"), std::string::npos)
        << error.what();
  }
}

TEST(Trace, RefusesWhatTheTracerLost) {
  nn::Linear model(4, 4);
  const Forward forward = [&](const std::vector<Tensor>& in) {
    Tensor y = model(in[0]);
    y.select(1, 0).add_(1.0);
    return std::vector<Tensor>{y};
  };
  EXPECT_THROW(trace(*model, forward, {at::ones({2, 4})}), Error);
  const graph::Graph graph = trace(*model, forward, {at::ones({2, 4})}, {.verify = false});
  EXPECT_EQ(graph.outputs.size(), 1u);
}

TEST(Trace, RefusesUnequalPoolingWindows) {
  nn::AdaptiveAvgPool2d model(3);
  EXPECT_THROW(trace(model, at::zeros({1, 2, 7, 7})), Error);
}

}  // namespace
}  // namespace betimes::learn
