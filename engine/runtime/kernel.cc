#include "betimes/runtime/detail/kernel.h"

namespace betimes::runtime {

#define BETIMES_DECLARE(stem) void register_##stem(KernelRegistry& registry);
#include "kernels.inc"

void KernelRegistry::add(const std::string& op, int rank, Factory factory) {
  factories_[op].emplace(rank, std::move(factory));
}

std::vector<const Factory*> KernelRegistry::of(const graph::Node& node) const {
  const std::string key = node.domain.empty() ? node.op : node.domain + "." + node.op;
  std::vector<const Factory*> found;
  const auto it = factories_.find(key);
  if (it == factories_.end()) return found;
  for (const auto& [rank, factory] : it->second) found.push_back(&factory);
  return found;
}

const KernelRegistry& kernels() {
  static const KernelRegistry registry = [] {
    KernelRegistry all;
#define BETIMES_CALL(stem) register_##stem(all);
#include "kernels.inc"
    return all;
  }();
  return registry;
}

Choice reference_choice(const Candidate& candidate) {
  const graph::Operator& op = graph::operators().get(candidate.node());
  Choice choice;
  std::vector<TensorType> types;
  std::vector<std::optional<size_t>> slots;  // per input of the node: which read
  for (size_t i = 0; i < candidate.node().inputs.size(); ++i) {
    const bool present = candidate.context.present(i);
    slots.push_back(present ? std::optional(choice.reads.size()) : std::nullopt);
    types.push_back(present ? candidate.context.type(i) : TensorType{});
    if (present) choice.reads.push_back({i, Layout::plain});
  }
  const std::vector<TensorType> outputs(candidate.outputs.begin(), candidate.outputs.end());
  // Evaluators may keep working memory between calls, so every session makes its own, from a copy
  // of what the node's context pointed at.
  struct Recipe {
    graph::Node node;
    std::vector<TensorType> types;
    std::vector<bool> present;
    std::map<size_t, Tensor> constants;
  };
  Recipe recipe{candidate.node(), types, {}, {}};
  for (size_t i = 0; i < slots.size(); ++i) {
    recipe.present.push_back(slots[i].has_value());
    if (candidate.constant(i)) recipe.constants.emplace(i, *candidate.constant(i));
  }
  choice.kernel = simple_kernel(
      "reference", [recipe = std::move(recipe), outputs, slots, &op](const Buffers& buffers) {
        std::vector<const TensorType*> pointers;
        std::vector<const Tensor*> constants;
        std::vector<TensorView> in;
        for (size_t i = 0; i < slots.size(); ++i) {
          const auto constant = recipe.constants.find(i);
          pointers.push_back(recipe.present[i] ? &recipe.types[i] : nullptr);
          constants.push_back(constant == recipe.constants.end() ? nullptr : &constant->second);
          in.push_back(slots[i] ? TensorView{recipe.types[i], buffers.inputs[*slots[i]]}
                                : TensorView{});
        }
        std::vector<TensorView> out;
        for (size_t i = 0; i < outputs.size(); ++i) out.push_back({outputs[i], buffers.outputs[i]});
        graph::Evaluator evaluate = op.prepare({recipe.node, pointers, constants}, outputs);
        return [evaluate = std::move(evaluate), in = std::move(in), out = std::move(out)] {
          evaluate(in, out);
        };
      });
  return choice;
}

}  // namespace betimes::runtime
