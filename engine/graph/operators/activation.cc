// Activations, their parameters as ONNX gives them.
#include <algorithm>
#include <cmath>

#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

template <class T>
T sigmoid(T x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const T e = std::exp(x);
  return e / (1 + e);
}

/// log(1 + e^x) without overflow.
template <class T>
T softplus(T x) {
  return std::max<T>(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}

struct Parameter {
  std::string name;
  float otherwise;
};

/// An activation f(x, p) whose real attributes are given with their defaults.
template <class F>
Operator parametric(std::string name, const std::vector<Parameter>& parameters, F f) {
  std::vector<AttributeSpec> attributes;
  for (const Parameter& p : parameters) attributes.push_back({p.name, AttributeKind::real});
  return {.name = std::move(name),
          .attributes = std::move(attributes),
          .types = Floats::list(),
          .infer = same_as_input,
          .prepare = [=](const NodeContext& context, std::span<const TensorType>) {
            std::array<float, 2> p{};
            for (size_t i = 0; i < parameters.size(); ++i) {
              p[i] = context.node.get(parameters[i].name, parameters[i].otherwise);
            }
            return map_elements<Floats>(context, [f, p](auto x) {
              using T = decltype(x);
              return f(x, std::array<T, 2>{T{p[0]}, T{p[1]}});
            });
          }};
}

void register_parametric(OperatorRegistry& registry) {
  registry.add(parametric("LeakyRelu", {{"alpha", 0.01f}},
                          [](auto x, auto p) { return x < 0 ? p[0] * x : x; }));
  registry.add(parametric("Elu", {{"alpha", 1.0f}},
                          [](auto x, auto p) { return x < 0 ? p[0] * std::expm1(x) : x; }));
  registry.add(parametric(
      "Selu", {{"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f}},
      [](auto x, auto p) { return p[1] * (x > 0 ? x : p[0] * std::expm1(x)); }));
  registry.add(parametric("Celu", {{"alpha", 1.0f}},
                          [](auto x, auto p) { return x < 0 ? p[0] * std::expm1(x / p[0]) : x; }));
  registry.add(parametric("ThresholdedRelu", {{"alpha", 1.0f}},
                          [](auto x, auto p) { return x > p[0] ? x : 0; }));
  registry.add(parametric("HardSigmoid", {{"alpha", 0.2f}, {"beta", 0.5f}}, [](auto x, auto p) {
    using T = decltype(x);
    return std::clamp<T>(p[0] * x + p[1], 0, 1);
  }));
  registry.add(parametric("Shrink", {{"bias", 0.0f}, {"lambd", 0.5f}}, [](auto x, auto p) {
    using T = decltype(x);
    return x < -p[1] ? x + p[0] : x > p[1] ? x - p[0] : T{};
  }));
}

std::vector<TensorType> infer_prelu(const NodeContext& context) {
  require_same_dtype(context, 1, 0);
  require_broadcastable(context, 1, context.shape(0));
  return same_as_input(context);
}

Evaluator prepare_prelu(const NodeContext& context, std::span<const TensorType> outputs) {
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) {
    using T = decltype(zero);
    return zip_elements<T, T>(context, outputs[0].shape,
                              [](auto x, auto slope) { return x < 0 ? slope * x : x; });
  });
}

std::vector<TensorType> infer_clip(const NodeContext& context) {
  for (size_t i = 1; i < 3; ++i) {
    if (!context.present(i)) continue;
    require_same_dtype(context, i, 0);
    require_single(context, i);
  }
  return same_as_input(context);
}

Evaluator prepare_clip(const NodeContext& context, std::span<const TensorType> outputs) {
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [count = element_count(outputs[0].shape)](auto inputs, auto results) {
      const T* x = inputs[0].template as<T>();
      const T* low = inputs.size() > 1 ? inputs[1].template as<T>() : nullptr;
      const T* high = inputs.size() > 2 ? inputs[2].template as<T>() : nullptr;
      for (int64_t i = 0; i < count; ++i) {
        Compute<T> value = load(x[i]);
        // In this order: where low > high, every element becomes high. NaN stays.
        if (low && value < load(*low)) value = load(*low);
        if (high && value > load(*high)) value = load(*high);
        results[0].template as<T>()[i] = store<T>(value);
      }
    };
  });
}

}  // namespace

void register_activation(OperatorRegistry& registry) {
  // x != x keeps NaN, as numpy's maximum does.
  registry.add(unary<Signed>("Relu", [](auto x) { return x > 0 || x != x ? x : decltype(x){}; }));
  registry.add(unary<Floats>("Sigmoid", [](auto x) { return sigmoid(x); }));
  registry.add(unary<Floats>("Softplus", [](auto x) { return softplus(x); }));
  registry.add(unary<Floats>("Softsign", [](auto x) { return x / (1 + std::fabs(x)); }));
  registry.add(unary<Floats>("HardSwish", [](auto x) {
    using T = decltype(x);
    return x * std::clamp<T>(x / 6 + T{0.5}, 0, 1);
  }));
  register_parametric(registry);
  registry.add({.name = "PRelu",
                .min_inputs = 2,
                .max_inputs = 2,
                .types = Floats::list(),
                .infer = infer_prelu,
                .prepare = prepare_prelu});
  registry.add({.name = "Clip",
                .max_inputs = 3,
                .types = Numbers::list(),
                .infer = infer_clip,
                .prepare = prepare_clip});
}

}  // namespace betimes::graph
