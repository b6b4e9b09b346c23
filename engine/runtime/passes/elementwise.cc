#include "betimes/graph/elementwise.h"

#include <algorithm>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// Functions of one and two arrays that follow one another to one node betimes.Elementwise, which
// passes over its operands once and keeps what lies between in the cache.

namespace betimes::runtime {
namespace {

using graph::ElementwiseStep;

constexpr size_t most_nodes = 24;
constexpr size_t most_inputs = 12;

bool is_elementwise(Rewriter& rewriter, const Node* node) {
  if (!node || node->outputs.size() != 1 || node->inputs.empty()) return false;
  if (rewriter.type(node->outputs[0]).dtype != DType::f32) return false;
  if (node->domain == "betimes") return node->op == "Activation";
  return node->domain.empty() && graph::arithmetic_of(node->op) && node->inputs.size() == 2;
}

/// The nodes, ascending, of a group that computes the root's value and nothing else that is read.
std::vector<size_t> group_of(Rewriter& rewriter, size_t root) {
  const TensorType type = rewriter.type(rewriter.node(root).outputs[0]);
  std::vector<size_t> group = {root};
  const auto within = [&](size_t node) {
    return std::find(group.begin(), group.end(), node) != group.end();
  };
  for (bool grown = true; grown;) {
    grown = false;
    for (size_t i = 0; i < group.size() && group.size() < most_nodes; ++i) {
      for (const std::string& input : rewriter.node(group[i]).inputs) {
        const Node* producer = rewriter.producer(input);
        if (!is_elementwise(rewriter, producer) || rewriter.type(input) != type) continue;
        const auto at = *rewriter.uses().producer(input);
        const auto& readers = rewriter.uses().consumers(input);
        if (within(at) || rewriter.uses().is_output(input)) continue;
        if (!std::all_of(readers.begin(), readers.end(), within)) continue;
        group.push_back(at);
        grown = true;
        break;
      }
    }
  }
  std::sort(group.begin(), group.end());
  return group;
}

/// The group's nodes as steps over inputs; an activation goes into the step before it where nothing
/// else reads that.
struct Program {
  std::vector<std::string> inputs;
  std::vector<ElementwiseStep> steps;
};
Program program_of(Rewriter& rewriter, const std::vector<size_t>& group) {
  Program program;
  std::map<std::string, size_t> results;  // of steps
  for (const size_t at : group) {
    for (const std::string& input : rewriter.node(at).inputs) {
      const auto producer = rewriter.uses().producer(input);
      const bool inner = producer && std::binary_search(group.begin(), group.end(), *producer);
      const auto& known = program.inputs;
      if (!inner && std::find(known.begin(), known.end(), input) == known.end()) {
        program.inputs.push_back(input);
      }
    }
  }
  const auto number_of = [&](const std::string& value) {
    const auto result = results.find(value);
    if (result != results.end()) return program.inputs.size() + result->second;
    const auto it = std::find(program.inputs.begin(), program.inputs.end(), value);
    return static_cast<size_t>(it - program.inputs.begin());
  };
  for (const size_t at : group) {
    const Node& node = rewriter.node(at);
    if (node.domain == "betimes") {
      const auto before = results.find(node.inputs[0]);
      const graph::Activation f = graph::activation_of(node);
      if (before != results.end() && rewriter.uses().consumers(node.inputs[0]).size() == 1 &&
          program.steps[before->second].activation.kind == Activation::Kind::none) {
        program.steps[before->second].activation = f;
        results[node.outputs[0]] = before->second;
        continue;
      }
      const size_t operand = number_of(node.inputs[0]);
      program.steps.push_back({std::nullopt, operand, operand, f});
    } else {
      program.steps.push_back({graph::arithmetic_of(node.op),
                               number_of(node.inputs[0]),
                               number_of(node.inputs[1]),
                               {}});
    }
    results[node.outputs[0]] = program.steps.size() - 1;
  }
  return program;
}

bool fuse(Rewriter& rewriter, size_t root) {
  if (!is_elementwise(rewriter, &rewriter.node(root))) return false;
  if (element_count(rewriter.type(rewriter.node(root).outputs[0]).shape) == 0) return false;
  const std::vector<size_t> group = group_of(rewriter, root);
  if (group.size() < 2) return false;
  const Program program = program_of(rewriter, group);
  if (program.inputs.size() > most_inputs) return false;
  Node fused{rewriter.node(root).name,
             "Elementwise",
             "betimes",
             program.inputs,
             rewriter.node(root).outputs,
             {}};
  graph::set_elementwise_steps(fused, program.steps);
  for (const size_t at : group) absorb(fused, rewriter.node(at));
  for (const size_t at : group) {
    if (at != root) rewriter.remove(rewriter.node(at));
  }
  rewriter.node(root) = std::move(fused);
  rewriter.refresh();
  return true;
}

int run(StaticGraph& graph) {
  Rewriter rewriter(graph);
  // From the end, so that each group is as large as it can be.
  for (size_t i = rewriter.size(); i-- > 0;) {
    if (!rewriter.gone(i) && fuse(rewriter, i)) rewriter.changed();
  }
  return rewriter.finish();
}

}  // namespace

graph::Pass elementwise_pass() { return {"elementwise", run}; }

}  // namespace betimes::runtime
