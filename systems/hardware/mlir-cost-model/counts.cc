#include "systems/hardware/mlir-cost-model/counts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace betimes::systems::mlir_cost_model {
namespace {

enum class Kind {
  matmul,
  batch_matmul,
  convolution,
  depthwise,
  pool,
  fill,
  reduction,
  movement,  // a transposition: nothing is computed
  broadcast,
  elementwise,
  other
};
constexpr size_t kinds = static_cast<size_t>(Kind::other) + 1;
const char* const kind_names[kinds] = {"matmul",    "batch matmul", "convolution", "depthwise",
                                       "pool",      "fill",         "reduction",   "movement",
                                       "broadcast", "elementwise",  "other"};

bool has(const Operation& operation, const char* part) {
  return operation.name.find(part) != std::string::npos;
}

Kind kind_of_generic(const Operation& operation) {
  if (std::find(operation.iterators.begin(), operation.iterators.end(), "reduction") !=
      operation.iterators.end()) {
    return Kind::reduction;
  }
  if (operation.body.empty()) return Kind::movement;
  const bool narrower =
      std::any_of(operation.operands.begin(), operation.operands.end(), [&](const Value& operand) {
        return operand.type.shape.size() < operation.type.shape.size();
      });
  return narrower ? Kind::broadcast : Kind::elementwise;
}

Kind kind_of(const Operation& operation) {
  if (operation.name == "linalg.generic") return kind_of_generic(operation);
  if (operation.name == "linalg.fill") return Kind::fill;
  if (has(operation, "batch_matmul")) return Kind::batch_matmul;
  if (has(operation, "matmul")) return Kind::matmul;
  if (has(operation, "depthwise")) return Kind::depthwise;
  if (has(operation, "conv")) return Kind::convolution;
  if (has(operation, "pooling")) return Kind::pool;
  return Kind::other;
}

double extent(const Operation& operation, size_t operand, size_t axis) {
  if (operand >= operation.operands.size()) return 1;
  const std::vector<int64_t>& shape = operation.operands[operand].type.shape;
  return axis < shape.size() ? static_cast<double>(shape[axis]) : 1;
}

double log1p_of(double value) { return std::log1p(value); }

}  // namespace

double flops_of(const Operation& operation) {
  const double out = operation.type.elements();
  const double window = extent(operation, 1, 0) * extent(operation, 1, 1);
  switch (kind_of(operation)) {
    case Kind::matmul:
      return 2 * out * extent(operation, 0, 1);
    case Kind::batch_matmul:
      return 2 * out * extent(operation, 0, 2);
    case Kind::convolution:
      return 2 * out * window * extent(operation, 1, 2);
    case Kind::depthwise:
      return 2 * out * window;
    case Kind::pool:
      return out * window;
    case Kind::reduction:
    case Kind::broadcast:
    case Kind::elementwise: {
      double domain = out;
      for (const Value& operand : operation.operands) {
        domain = std::max(domain, operand.type.elements());
      }
      return domain * static_cast<double>(operation.body.size());
    }
    default:
      return 0;
  }
}

double bytes_of(const Operation& operation) {
  double sum = operation.result.empty() ? 0 : operation.type.bytes();
  for (size_t i = 0; i + operation.outputs < operation.operands.size(); ++i) {
    sum += operation.operands[i].type.bytes();
  }
  return sum;
}

std::vector<std::string> count_names() {
  std::vector<std::string> names;
  for (const char* kind : kind_names) names.emplace_back(kind);
  for (const char* kind : kind_names) names.push_back(std::string("log flops, ") + kind);
  for (const char* name : {"additions", "products", "maxima", "arguments", "operators", "log flops",
                           "log bytes", "log elements of the largest result",
                           "mean log2 of the innermost extent", "fuse", "log2 unroll"}) {
    names.emplace_back(name);
  }
  return names;
}

std::vector<float> count(const Function& function, const Schedule& schedule) {
  std::array<double, kinds> counts{}, flops{};
  double additions = 0, products = 0, maxima = 0, all_flops = 0, bytes = 0, largest = 0;
  double innermost = 0, computing = 0;
  for (const Operation& operation : function.operations) {
    const auto kind = static_cast<size_t>(kind_of(operation));
    counts[kind] += 1;
    flops[kind] += flops_of(operation);
    all_flops += flops_of(operation);
    for (const Operation& inner : operation.body) {
      additions += has(inner, "add") || has(inner, "sub");
      products += has(inner, "mul") || has(inner, "div");
      maxima += has(inner, "max") || has(inner, "min");
    }
    if (kind == static_cast<size_t>(Kind::other)) continue;
    bytes += bytes_of(operation);
    largest = std::max(largest, operation.type.elements());
    computing += 1;
    if (!operation.type.shape.empty()) {
      innermost += std::log2(static_cast<double>(operation.type.shape.back()));
    }
  }
  std::vector<double> all(counts.begin(), counts.end());
  for (const double each : flops) all.push_back(log1p_of(each));
  all.insert(all.end(),
             {additions, products, maxima, static_cast<double>(function.arguments.size()),
              computing, log1p_of(all_flops), log1p_of(bytes), log1p_of(largest),
              innermost / std::max(computing, 1.0), schedule.fuse ? 1.0 : 0.0,
              std::log2(schedule.unroll)});
  return {all.begin(), all.end()};
}

}  // namespace betimes::systems::mlir_cost_model
