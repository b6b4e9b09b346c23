#include "betimes/runtime/detail/lowering.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "betimes/base/error.h"

namespace betimes::runtime {
namespace {

using Place = Storage::Place;

std::vector<std::string> source_nodes(const graph::Node& node) {
  return node.get("sources", std::vector<std::string>{node.name});
}

class Lowering {
 public:
  Lowering(const graph::StaticGraph& graph, const CompileOptions& options, WeightStore& store,
           Plan::Impl& plan)
      : graph_(graph), options_(options), store_(store), plan_(plan) {}

  void run() {
    add_inputs();
    count_uses();
    for (const graph::Node& node : graph_.graph.nodes) lower_node(node);
    bind_outputs();
    collect_weights();
    count_inputs_outputs();
  }

 private:
  size_t add_storage(Place place, size_t index, size_t bytes) {
    plan_.storages.push_back({place, index, 0, bytes});
    pending_.push_back(0);
    return plan_.storages.size() - 1;
  }
  size_t add_value(const TensorType& type, Layout layout, size_t storage, size_t offset = 0) {
    plan_.values.push_back({type, layout, storage, offset});
    return plan_.values.size() - 1;
  }

  void add_inputs() {
    for (size_t i = 0; i < graph_.graph.inputs.size(); ++i) {
      const std::string& name = graph_.graph.inputs[i].name;
      const TensorType& type = graph_.types.at(name);
      const size_t value =
          add_value(type, Layout::plain, add_storage(Place::input, i, byte_size(type)));
      known_[name] = value;
      plan_.input_values.push_back(value);
      plan_.input_types.push_back(type);
    }
  }

  void count_uses() {
    for (const graph::Node& node : graph_.graph.nodes) {
      for (const std::string& input : node.inputs) ++uses_[input];
    }
    for (const graph::ValueInfo& output : graph_.graph.outputs) ++uses_[output.name];
    for (const auto& [name, value] : known_) pending_[plan_.values[value].storage] = uses_[name];
  }

  size_t constant_value(const std::string& name) {
    const auto it = known_.find(name);
    if (it != known_.end()) return it->second;
    const Tensor& tensor = graph_.graph.constants.at(name);
    plan_.constants.push_back(store_.share(tensor));
    const size_t storage = add_storage(Place::constant, plan_.constants.size() - 1, tensor.bytes());
    const size_t value = add_value(tensor.type(), Layout::plain, storage);
    known_[name] = value;
    return value;
  }

  /// What the node's inputs look like to the kernels' factories.
  struct View {
    std::vector<const TensorType*> types;
    std::vector<const Tensor*> constants;
    std::vector<Layout> layouts;
    std::vector<bool> dies;
  };
  View look_at(const graph::Node& node) {
    View view;
    std::map<size_t, size_t> reads_here;  // storage -> uses by this node
    for (const std::string& input : node.inputs) {
      const auto known = known_.find(input);
      if (known != known_.end()) ++reads_here[plan_.values[known->second].storage];
    }
    for (const std::string& input : node.inputs) {
      const auto type = graph_.types.find(input);
      const auto constant = graph_.graph.constants.find(input);
      const auto known = known_.find(input);
      view.types.push_back(input.empty() ? nullptr : &type->second);
      view.constants.push_back(constant == graph_.graph.constants.end() ? nullptr
                                                                        : &constant->second);
      view.layouts.push_back(known == known_.end() ? Layout::plain
                                                   : plan_.values[known->second].layout);
      bool dies = false;
      if (known != known_.end()) {
        const size_t storage = plan_.values[known->second].storage;
        dies = covers_storage(known->second) && reads_here[storage] == 1 && pending_[storage] == 1;
      }
      view.dies.push_back(dies);
    }
    return view;
  }

  void lower_node(const graph::Node& node) {
    const View view = look_at(node);
    const graph::NodeContext context{node, view.types, view.constants};
    const std::vector<TensorType> outputs = graph::operators().get(node).infer(context);
    const std::vector<std::string> sources = source_nodes(node);
    const bool bf16 = std::any_of(sources.begin(), sources.end(), [&](const std::string& name) {
      return options_.bf16.contains(name);
    });
    const Candidate candidate{context, outputs,          view.layouts, view.dies,
                              bf16,    options_.threads, store_};
    StepInfo info;
    info.name = node.name;
    info.op = node.op;
    info.source = sources;
    if (node.domain == "betimes") info.refusals = node.get("note", "");
    Choice choice = choose(candidate, info.refusals);
    if (choice.view) {
      add_views(node, outputs, choice);
    } else if (choice.join) {
      add_join(node, outputs.at(0), choice);
    } else {
      add_step(node, outputs, candidate, std::move(choice), std::move(info));
    }
    for (const std::string& input : node.inputs) {
      const auto known = known_.find(input);
      if (known == known_.end()) continue;
      size_t& left = pending_[plan_.values[known->second].storage];
      if (left > 0) --left;
    }
  }

  static Choice choose(const Candidate& candidate, std::string& refusals) {
    for (const Factory* factory : kernels().of(candidate.node())) {
      Offer offer = (*factory)(candidate);
      if (Choice* choice = std::get_if<Choice>(&offer)) return std::move(*choice);
      const std::string& reason = std::get<Refusal>(offer).reason;
      if (reason.empty()) continue;
      refusals += (refusals.empty() ? "" : "; ") + reason;
    }
    return reference_choice(candidate);
  }

  /// The value that holds `input` in `layout`, reordered if need be.
  size_t value_in(const std::string& input, Layout layout) {
    const size_t value = graph_.graph.is_constant(input) ? constant_value(input) : known_.at(input);
    if (same_memory(plan_.values[value].type.shape, plan_.values[value].layout, layout))
      return value;
    const auto copy = copies_.find({value, layout});
    if (copy != copies_.end()) return copy->second;
    const size_t result = add_reorder(value, layout, input);
    copies_[{value, layout}] = result;
    return result;
  }

  size_t add_reorder(size_t value, Layout layout, const std::string& name) {
    const TensorType type = plan_.values[value].type;
    const size_t result = add_value(type, layout, add_storage(Place::arena, 0, byte_size(type)));
    emit_copy(value, result, "Reorder", "reorder " + name);
    return result;
  }

  /// A step that copies a value to another, whose layout may differ.
  void emit_copy(size_t from, size_t to, const std::string& op, const std::string& name) {
    const TensorType& type = plan_.values[from].type;
    Step step;
    step.kernel =
        reorder_kernel(type, plan_.values[from].layout, plan_.values[to].layout, options_.threads);
    step.inputs = {from};
    step.outputs = {to};
    StepInfo info;
    info.name = name;
    info.op = op;
    info.kernel = step.kernel->name();
    info.precision = std::string(type.dtype == DType::f32 ? "fp32" : betimes::name(type.dtype));
    info.bytes = 2.0 * static_cast<double>(byte_size(type));
    info.inputs = {type};
    info.outputs = {type};
    info.channels_last = plan_.values[to].layout == Layout::channels_last;
    plan_.steps.push_back(std::move(step));
    plan_.infos.push_back(std::move(info));
  }

  /// Memory of the plan's own that holds this value and nothing else.
  bool covers_storage(size_t value) const {
    const Storage& storage = plan_.storages[plan_.values[value].storage];
    return storage.place == Place::arena && storage.bytes == byte_size(plan_.values[value].type);
  }

  void add_views(const graph::Node& node, const std::vector<TensorType>& outputs,
                 const Choice& choice) {
    const std::string& input = node.inputs[choice.reads.at(0).input];
    const size_t source = value_in(input, choice.reads[0].layout);
    const Value from = plan_.values[source];
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (i >= node.outputs.size() || node.outputs[i].empty()) continue;
      const Layout layout = i < choice.writes.size() ? choice.writes[i] : Layout::plain;
      const size_t offset = i < choice.offsets.size() ? choice.offsets[i] : 0;
      known_[node.outputs[i]] = add_value(outputs[i], layout, from.storage, from.offset + offset);
      pending_[from.storage] += uses_[node.outputs[i]];
    }
    // A view of a reordered copy: nobody counts the copy's own readers, so it never dies early.
    if (!graph_.graph.is_constant(input) && known_.at(input) != source) {
      pending_[from.storage] += 1;
    }
  }

  /// Puts values one after the other: those alone in their memory get it within the result's, the
  /// others are copied there.
  void add_join(const graph::Node& node, const TensorType& output, const Choice& choice) {
    const Layout layout = choice.writes.at(0);
    const size_t storage = add_storage(Place::arena, 0, byte_size(output));
    size_t offset = 0;
    for (const Read& read : choice.reads) {
      const size_t part = value_in(node.inputs[read.input], read.layout);
      const TensorType type = plan_.values[part].type;
      const size_t bytes = byte_size(type);
      if (bytes == 0) continue;
      // Kernels write whole cache lines: one that begins within a line isn't worth a copy saved.
      if (covers_storage(part) && plan_.values[part].storage != storage && offset % 64 == 0) {
        move_storage(plan_.values[part].storage, storage, offset);
      } else {
        const size_t target = add_value(type, layout, storage, offset);
        emit_copy(part, target, node.op, node.name);
      }
      offset += bytes;
    }
    known_[node.outputs.at(0)] = add_value(output, layout, storage);
    pending_[storage] += uses_[node.outputs[0]];
  }

  void move_storage(size_t from, size_t to, size_t offset) {
    for (Value& value : plan_.values) {
      if (value.storage != from) continue;
      value.storage = to;
      value.offset += offset;
    }
    pending_[to] += std::exchange(pending_[from], 0);
  }

  void add_step(const graph::Node& node, const std::vector<TensorType>& outputs,
                const Candidate& candidate, Choice choice, StepInfo info) {
    Step step;
    for (const Read& read : choice.reads) {
      step.inputs.push_back(value_in(node.inputs[read.input], read.layout));
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Layout layout = i < choice.writes.size() ? choice.writes[i] : Layout::plain;
      const size_t storage = i == 0 ? output_storage(outputs[0], candidate, choice, step)
                                    : add_storage(Place::arena, 0, byte_size(outputs[i]));
      const size_t value = add_value(outputs[i], layout, storage);
      step.outputs.push_back(value);
      if (i < node.outputs.size() && !node.outputs[i].empty()) {
        known_[node.outputs[i]] = value;
        pending_[storage] += uses_[node.outputs[i]];
      }
    }
    step.kernel = std::move(choice.kernel);
    info.kernel = step.kernel->name();
    info.precision = choice.precision;
    info.macs = choice.macs;
    info.bytes = traffic(step, candidate, choice);
    for (const TensorType* input : candidate.context.inputs) {
      info.inputs.push_back(input ? *input : TensorType{DType::f32, {0}});
    }
    info.outputs = outputs;
    info.channels_last = !choice.writes.empty() && choice.writes[0] == Layout::channels_last;
    for (const auto& [key, value] : node.attributes) {
      if (std::holds_alternative<Tensor>(value) || std::holds_alternative<graph::Subgraph>(value))
        continue;
      info.attributes.emplace(key, value);
    }
    plan_.steps.push_back(std::move(step));
    plan_.infos.push_back(std::move(info));
  }

  size_t output_storage(const TensorType& type, const Candidate& candidate, const Choice& choice,
                        const Step& step) {
    const size_t bytes = byte_size(type);
    if (choice.overwrites) {
      const size_t read = *choice.overwrites;
      const size_t storage = plan_.values[step.inputs[read]].storage;
      const bool fits = covers_storage(step.inputs[read]) &&
                        plan_.storages[storage].bytes == bytes &&
                        candidate.dies[choice.reads[read].input];
      if (fits) return storage;
      if (choice.must_overwrite) {
        throw std::logic_error(describe(candidate.node()) + " overwrites a value still in use");
      }
    }
    return add_storage(Place::arena, 0, bytes);
  }

  static bool picks(const std::string& op) {
    return op == "Gather" || op == "GatherElements" || op == "GatherND" || op == "Slice";
  }

  double traffic(const Step& step, const Candidate& candidate, const Choice& choice) const {
    double bytes = 0;
    const auto size = [&](size_t value) {
      return static_cast<double>(byte_size(plan_.values[value].type));
    };
    for (const size_t value : step.outputs) bytes += size(value);
    // Of what it picks from, such an operator reads as much as it writes.
    const double picked = picks(candidate.node().op) ? bytes : HUGE_VAL;
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      bytes += i == 0 ? std::min(size(step.inputs[i]), picked) : size(step.inputs[i]);
    }
    for (size_t i = 0; i < candidate.context.constants.size(); ++i) {
      const bool packed = std::none_of(choice.reads.begin(), choice.reads.end(),
                                       [&](const Read& read) { return read.input == i; });
      if (packed && candidate.constant(i))
        bytes += static_cast<double>(candidate.constant(i)->bytes());
    }
    return bytes;
  }

  /// Graph outputs are plain and lie in the session's output buffers; a step that computes one
  /// writes it there where nothing else stands in the way.
  void bind_outputs() {
    for (size_t i = 0; i < graph_.graph.outputs.size(); ++i) {
      const std::string& name = graph_.graph.outputs[i].name;
      const TensorType& type = graph_.types.at(name);
      const size_t value = graph_.graph.is_constant(name) ? constant_value(name) : known_.at(name);
      const size_t storage = plan_.values[value].storage;
      const bool direct = same_memory(type.shape, plan_.values[value].layout, Layout::plain) &&
                          covers_storage(value);
      if (direct) {
        plan_.storages[storage].place = Place::output;
        plan_.storages[storage].index = i;
        plan_.output_values.push_back(value);
      } else {
        const size_t target =
            add_value(type, Layout::plain, add_storage(Place::output, i, byte_size(type)));
        emit_copy(value, target, "Reorder", "reorder " + name);
        plan_.output_values.push_back(target);
      }
      plan_.output_types.push_back(type);
    }
  }

  /// What this compilation put into the store it finds there again when a second node has equal
  /// weights: only what it never put there was somebody else's.
  void collect_weights() {
    std::map<const std::byte*, Weights> all;
    const auto add = [&](const Weights& weights) {
      if (weights.bytes == 0) return;
      Weights& known = all.emplace(weights.data.get(), weights).first->second;
      known.found = known.found && weights.found;
    };
    for (const Weights& weights : plan_.constants) add(weights);
    for (const Step& step : plan_.steps) {
      for (const Weights& weights : step.kernel->weights()) add(weights);
    }
    for (const auto& [data, weights] : all) {
      plan_.weights.push_back(weights);
      plan_.memory.weights += weights.bytes;
      if (weights.found) plan_.memory.shared_weights += weights.bytes;
    }
  }

  void count_inputs_outputs() {
    for (const TensorType& type : plan_.input_types) plan_.memory.inputs_outputs += byte_size(type);
    for (const TensorType& type : plan_.output_types)
      plan_.memory.inputs_outputs += byte_size(type);
  }

  const graph::StaticGraph& graph_;
  const CompileOptions& options_;
  WeightStore& store_;
  Plan::Impl& plan_;
  std::map<std::string, size_t> known_;  // name -> value
  std::map<std::string, size_t> uses_;
  std::map<std::pair<size_t, Layout>, size_t> copies_;
  std::vector<size_t> pending_;  // per storage: reads still to come
};

}  // namespace

void lower(const graph::StaticGraph& graph, const CompileOptions& options, WeightStore& store,
           Plan::Impl& plan) {
  Lowering(graph, options, store, plan).run();
}

}  // namespace betimes::runtime
