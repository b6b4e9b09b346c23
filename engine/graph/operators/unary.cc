// Functions of one element, without attributes.
#include <cmath>

#include "betimes/graph/detail/elementwise.h"

namespace betimes::graph {
namespace {

using namespace detail;

template <class T>
T sign(T x) {
  if (x != x) return x;
  return static_cast<T>((x > T{}) - (x < T{}));
}

template <class T>
T negated(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
  return -x;
}

template <class T>
T magnitude(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::fabs(x);
  return x < T{} ? negated(x) : x;
}

std::vector<TensorType> infer_test(const NodeContext& context) {
  return one(DType::boolean, context.shape(0));
}

template <class F>
Evaluator test_elements(const NodeContext& context, F f) {
  return Floats::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [f, count = element_count(context.shape(0))](auto inputs, auto outputs) {
      const T* x = inputs[0].template as<T>();
      for (int64_t i = 0; i < count; ++i) outputs[0].template as<bool>()[i] = f(load(x[i]));
    };
  });
}

void register_arithmetic_functions(OperatorRegistry& registry) {
  registry.add(unary<Numbers>("Abs", [](auto x) { return magnitude(x); }));
  registry.add(unary<Signed>("Neg", [](auto x) { return negated(x); }));
  registry.add(unary<Numbers>("Sign", [](auto x) { return sign(x); }));
  registry.add(unary<Floats>("Reciprocal", [](auto x) { return 1 / x; }));
  registry.add(unary<Floats>("Floor", [](auto x) { return std::floor(x); }));
  registry.add(unary<Floats>("Ceil", [](auto x) { return std::ceil(x); }));
  // To nearest, ties to even.
  registry.add(unary<Floats>("Round", [](auto x) { return std::nearbyint(x); }));
  registry.add(unary<Types<bool>>("Not", [](bool x) { return !x; }));
}

void register_transcendental_functions(OperatorRegistry& registry) {
  registry.add(unary<Floats>("Exp", [](auto x) { return std::exp(x); }));
  registry.add(unary<Floats>("Log", [](auto x) { return std::log(x); }));
  registry.add(unary<Floats>("Sqrt", [](auto x) { return std::sqrt(x); }));
  registry.add(unary<Floats>("Erf", [](auto x) { return std::erf(x); }));
  registry.add(unary<Floats>("Sin", [](auto x) { return std::sin(x); }));
  registry.add(unary<Floats>("Cos", [](auto x) { return std::cos(x); }));
  registry.add(unary<Floats>("Tan", [](auto x) { return std::tan(x); }));
  registry.add(unary<Floats>("Asin", [](auto x) { return std::asin(x); }));
  registry.add(unary<Floats>("Acos", [](auto x) { return std::acos(x); }));
  registry.add(unary<Floats>("Atan", [](auto x) { return std::atan(x); }));
  registry.add(unary<Floats>("Sinh", [](auto x) { return std::sinh(x); }));
  registry.add(unary<Floats>("Cosh", [](auto x) { return std::cosh(x); }));
  registry.add(unary<Floats>("Tanh", [](auto x) { return std::tanh(x); }));
  registry.add(unary<Floats>("Asinh", [](auto x) { return std::asinh(x); }));
  registry.add(unary<Floats>("Acosh", [](auto x) { return std::acosh(x); }));
  registry.add(unary<Floats>("Atanh", [](auto x) { return std::atanh(x); }));
}

}  // namespace

void register_unary(OperatorRegistry& registry) {
  register_arithmetic_functions(registry);
  register_transcendental_functions(registry);
  registry.add({.name = "IsNaN",
                .types = Floats::list(),
                .infer = infer_test,
                .prepare = [](const NodeContext& context, std::span<const TensorType>) {
                  return test_elements(context, [](auto x) { return std::isnan(x); });
                }});
  registry.add({.name = "IsInf",
                .attributes = {{"detect_negative", AttributeKind::integer},
                               {"detect_positive", AttributeKind::integer}},
                .types = Floats::list(),
                .infer = infer_test,
                .prepare = [](const NodeContext& context, std::span<const TensorType>) {
                  const bool negative = flag(context, "detect_negative", true);
                  const bool positive = flag(context, "detect_positive", true);
                  return test_elements(context, [=](auto x) {
                    return std::isinf(x) && (x < 0 ? negative : positive);
                  });
                }});
}

}  // namespace betimes::graph
