// Which extents of a trace follow the batch is found by tracing a second time with one example
// more: exact where a rule about "the first axis" would guess.
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

namespace jit = torch::jit;

[[noreturn]] void refuse(const jit::Node& node, const std::string& what) {
  throw Error(node.kind().toQualString(), what + " for another batch size",
              "TraceOptions::batch_axes that fit, or batch = \"\"");
}

std::optional<Shape> sizes(const jit::Value* value) {
  if (const auto constant = jit::toIValue(value)) {
    if (!constant->isTensor()) return std::nullopt;
    return constant->toTensor().sizes().vec();
  }
  const auto type = value->type()->cast<c10::TensorType>();
  const auto found = type ? type->sizes().concrete_sizes() : c10::nullopt;
  if (!found) return std::nullopt;
  return Shape(found->begin(), found->end());
}

void compare_shapes(const jit::Node& node, const jit::Value* value, const jit::Value* larger,
                    BatchUse& use) {
  const auto one = sizes(value), more = sizes(larger);
  if (!one || !more) return;
  if (one->size() != more->size()) refuse(node, "gives another number of axes");
  Shape growth(one->size());
  bool any = false;
  for (size_t i = 0; i < growth.size(); ++i) {
    growth[i] = (*more)[i] - (*one)[i];
    any = any || growth[i] != 0;
  }
  if (any) use.growth.emplace(value, std::move(growth));
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  return (a.numel() == 0 || a.data_ptr() == b.data_ptr()) || at::equal(a, b);
}

bool same(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) return same(a.toTensor(), b.toTensor());
  if (a.isList() && b.isList()) {
    const auto x = a.toListRef(), y = b.toListRef();
    return std::equal(
        x.begin(), x.end(), y.begin(), y.end(),
        [](const c10::IValue& one, const c10::IValue& other) { return same(one, other); });
  }
  return a.tagKind() == b.tagKind() && a == b;
}

}  // namespace

void compare_traces(const jit::Graph& trace, const jit::Graph& larger, BatchUse& use) {
  for (size_t i = 0; i < trace.inputs().size(); ++i) {
    compare_shapes(*trace.inputs()[i]->node(), trace.inputs()[i], larger.inputs()[i], use);
  }
  auto other = larger.nodes().begin();
  for (const jit::Node* node : trace.nodes()) {
    if (other == larger.nodes().end() || other->kind() != node->kind() ||
        other->outputs().size() != node->outputs().size()) {
      refuse(*node, "the trace does something else");
    }
    for (size_t i = 0; i < node->outputs().size(); ++i) {
      compare_shapes(*node, node->output(i), other->output(i), use);
    }
    if (node->kind() == c10::prim::Constant) {
      const auto one = jit::toIValue(node->output()), more = jit::toIValue(other->output());
      if (!one || !more) refuse(*node, "isn't a constant");
      if (!same(*one, *more)) use.varying.insert(node->output());
    }
    ++other;
  }
}

}  // namespace betimes::learn::detail
