// HannWindow, HammingWindow and BlackmanWindow (17).
#include <cmath>
#include <numbers>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

int64_t length_of(const NodeContext& context) {
  require_single(context, 0);
  return bounded(context, "the size", context.integers(0, "the size").at(0), 0, int64_t{1} << 31);
}

std::vector<TensorType> infer(const NodeContext& context) {
  flag(context, "periodic", true);
  const DType dtype = dtype_of_onnx(context, context.node.get("output_datatype", int64_t{1}));
  if (dtype == DType::boolean) fail(context, "output_datatype is bool", "a number");
  return one(dtype, {length_of(context)});
}

/// a - b cos(2 pi i / n) + c cos(4 pi i / n)
struct Coefficients {
  double a, b, c;
};

Evaluator prepare(const NodeContext& context, const Coefficients& k, const TensorType& output) {
  const int64_t count = output.shape[0];
  // A symmetric window ends where a periodic one of one element less begins again.
  const int64_t period = flag(context, "periodic", true) ? count : count - 1;
  return Numbers::dispatch(output.dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto, auto outputs) {
      T* y = outputs[0].template as<T>();
      for (int64_t i = 0; i < count; ++i) {
        const double turn = period > 0 ? static_cast<double>(i) / static_cast<double>(period) : 0.0;
        const double angle = 2 * std::numbers::pi * turn;
        y[i] = convert<T>(k.a - k.b * std::cos(angle) + k.c * std::cos(2 * angle));
      }
    };
  });
}

Operator window(std::string name, Coefficients k) {
  return {.name = std::move(name),
          .attributes = {{"output_datatype", AttributeKind::integer},
                         {"periodic", AttributeKind::integer}},
          .types = Indices::list(),
          .infer = infer,
          .prepare = [k](const NodeContext& context, std::span<const TensorType> outputs) {
            return prepare(context, k, outputs[0]);
          }};
}

}  // namespace

void register_windows(OperatorRegistry& registry) {
  registry.add(window("HannWindow", {0.5, 0.5, 0}));
  registry.add(window("HammingWindow", {25.0 / 46, 21.0 / 46, 0}));
  registry.add(window("BlackmanWindow", {0.42, 0.5, 0.08}));
}

}  // namespace betimes::graph
