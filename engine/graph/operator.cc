#include "betimes/graph/operator.h"

#include <algorithm>
#include <stdexcept>

#include "betimes/base/error.h"
#include "betimes/graph/detail/check.h"

namespace betimes::graph {

#define BETIMES_DECLARE(stem) void register_##stem(OperatorRegistry& registry);
#include "operators.inc"

NeedsValue::NeedsValue(const Node& node, size_t input, std::string_view what)
    : Error(describe(node),
            std::string(what) + " (input " + std::to_string(input) +
                ") is computed while the model runs, which isn't supported",
            "a value that depends on constants and shapes only; an input can be fixed to one, "
            "as with --set sr=16000"),
      input_(input) {}

const TensorType& NodeContext::type(size_t i) const {
  if (!present(i)) {
    throw Error(describe(node), "input " + std::to_string(i) + " is missing");
  }
  return *inputs[i];
}

const Tensor& NodeContext::constant(size_t i, std::string_view what) const {
  if (i >= constants.size() || constants[i] == nullptr) {
    throw NeedsValue(node, i, what);
  }
  return *constants[i];
}

std::vector<int64_t> NodeContext::integers(size_t i, std::string_view what) const {
  const Tensor& value = constant(i, what);
  if (!is_integer(value.dtype())) {
    throw Error(describe(node), std::string(what) + " is " + to_string(value.type()), "int64");
  }
  const Tensor wide = value.cast(DType::i64);
  const auto data = wide.data<int64_t>();
  return {data.begin(), data.end()};
}

void check_size(std::string_view where, const TensorType& type) {
  if (type.shape.size() > max_rank) {
    throw Error(where, to_string(type) + " has too many dimensions",
                "at most " + std::to_string(max_rank));
  }
  // Zero extents count as one, so that products of any of the others stay small too.
  size_t bytes = size_of(type.dtype);
  for (const int64_t extent : type.shape) {
    if (extent < 0) throw Error(where, to_string(type) + " has a negative extent");
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(std::max<int64_t>(extent, 1)), &bytes) ||
        bytes > max_value_bytes) {
      throw Error(where, to_string(type) + " is absurdly large",
                  "at most " + std::to_string(max_value_bytes >> 30) + " GiB");
    }
  }
}

void OperatorRegistry::add(Operator op) {
  if (!op.types.empty()) {
    op.infer = [types = op.types, infer = std::move(op.infer)](const NodeContext& context) {
      if (context.present(0)) detail::require_one_of(context, 0, types);
      return infer(context);
    };
  }
  auto key = std::make_pair(op.domain, op.name);
  if (!operators_.emplace(std::move(key), std::move(op)).second) {
    throw std::logic_error("an operator is registered twice");
  }
}

const Operator* OperatorRegistry::find(std::string_view name, std::string_view domain) const {
  const auto it = operators_.find(std::make_pair(std::string(domain), std::string(name)));
  return it == operators_.end() ? nullptr : &it->second;
}

const Operator& OperatorRegistry::get(const Node& node) const {
  if (const Operator* op = find(node.op, node.domain)) return *op;
  const std::string full = node.domain.empty() ? node.op : node.domain + "." + node.op;
  throw Error("node " + node.name, "operator " + full + " isn't supported",
              "one of those in docs/operators.md");
}

std::vector<const Operator*> OperatorRegistry::all() const {
  std::vector<const Operator*> list;
  for (const auto& [key, op] : operators_) list.push_back(&op);
  return list;
}

const OperatorRegistry& operators() {
  static const OperatorRegistry registry = [] {
    OperatorRegistry all;
#define BETIMES_CALL(stem) register_##stem(all);
#include "operators.inc"
    return all;
  }();
  return registry;
}

}  // namespace betimes::graph
