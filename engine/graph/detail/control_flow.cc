#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/graph/detail/specializer.h"

namespace betimes::graph::detail {
namespace {

using Names = std::vector<std::string>;

Node make(const std::string& name, const char* op, Names inputs, Names outputs,
          std::map<std::string, Attribute> attributes = {}) {
  return {name, op, "", std::move(inputs), std::move(outputs), std::move(attributes)};
}

/// Takes a body's nodes under names of their own; gives the names that its outputs have there.
Names take_body(Specializer& specializer, const Node& node, const Graph& body, const Names& given) {
  if (given.size() != body.inputs.size()) {
    throw Error(describe(node), "gives its body " + std::to_string(given.size()) + " values",
                std::to_string(body.inputs.size()));
  }
  const std::string prefix = specializer.fresh_prefix(node);
  std::map<std::string, std::string> names;
  for (size_t i = 0; i < given.size(); ++i) names[body.inputs[i].name] = given[i];
  for (const auto& [name, tensor] : body.constants) {
    names[name] = specializer.add_constant(prefix + name, tensor);
  }
  const auto renamed = [&](const std::string& name) {
    if (name.empty()) return name;
    const auto it = names.find(name);
    return it == names.end() ? prefix + name : it->second;
  };
  for (Node inner : body.nodes) {
    inner.name = prefix + inner.name;
    for (std::string& input : inner.inputs) input = renamed(input);
    for (std::string& output : inner.outputs) output = renamed(output);
    specializer.take(inner);
  }
  Names results;
  for (const ValueInfo& output : body.outputs) results.push_back(renamed(output.name));
  return results;
}

/// Gives a value the name that the node around the body promised.
void name_output(Specializer& specializer, const Node& node, size_t i, const std::string& value) {
  if (i >= node.outputs.size() || node.outputs[i].empty()) return;
  specializer.take(
      make(node.name + "/output_" + std::to_string(i), "Identity", {value}, {node.outputs[i]}));
}

bool known_condition(const Specializer& specializer, const Node& node, size_t input) {
  const Tensor* value = specializer.constant(node.inputs[input]);
  if (value == nullptr) throw NeedsValue(node, input, "its condition");
  if (value->dtype() != DType::boolean || value->size() != 1) {
    throw Error(describe(node), "its condition is " + to_string(value->type()), "one bool");
  }
  return value->data<bool>()[0];
}

void expand_if(Specializer& specializer, const Node& node) {
  const bool condition = known_condition(specializer, node, 0);
  const Graph& branch = node.body(condition ? "then_branch" : "else_branch");
  if (branch.outputs.size() < node.outputs.size()) {
    throw Error(describe(node), "has more outputs than its branches");
  }
  const Names results =
      take_body(specializer, node, branch, {node.inputs.begin() + 1, node.inputs.end()});
  for (size_t i = 0; i < node.outputs.size(); ++i) name_output(specializer, node, i, results[i]);
}

/// Iterations of a Loop's or Scan's body: carried values, and values that are put together.
class Iterations {
 public:
  /// `states` and `captured` are the node's inputs of these kinds.
  Iterations(Specializer& specializer, const Node& node, Names states, Names captured,
             size_t collected)
      : specializer_(specializer),
        node_(node),
        body_(node.body("body")),
        prefix_(specializer.fresh_prefix(node)),
        initial_(states),
        states_(std::move(states)),
        captured_(std::move(captured)),
        slices_(collected),
        start_(specializer.mark()) {}

  const std::string& prefix() const { return prefix_; }
  const Names& states() const { return states_; }

  /// The body with `before` its carried values and `after` them; the outputs before those of its
  /// carried values. `axes` say where each collected value gets its new dimension.
  Names run(Names before, const Names& after, size_t leading, const std::vector<int64_t>& axes) {
    Names given = std::move(before);
    given.insert(given.end(), states_.begin(), states_.end());
    given.insert(given.end(), after.begin(), after.end());
    given.insert(given.end(), captured_.begin(), captured_.end());
    Names results = take_body(specializer_, node_, body_, given);
    for (size_t s = 0; s < states_.size(); ++s) states_[s] = results[leading + s];
    for (size_t c = 0; c < slices_.size(); ++c) {
      collect(c, results[leading + states_.size() + c], axes[c]);
    }
    results.resize(leading);
    return results;
  }

  /// Names the node's outputs. Without an iteration the collected ones are empty, and only a body
  /// that was looked at (`run` once) tells what of.
  void finish(bool ran, const std::vector<int64_t>& axes, const std::vector<bool>& backwards) {
    std::vector<Tensor> none;
    if (!ran) {
      for (size_t c = 0; c < slices_.size(); ++c) none.push_back(empty_collection(c, axes[c]));
      specializer_.rewind(start_);
      states_ = initial_;
    }
    for (size_t c = 0; c < slices_.size(); ++c) {
      const size_t output = states_.size() + c;
      if (output >= node_.outputs.size() || node_.outputs[output].empty()) continue;
      if (ran) {
        Names& slices = slices_[c];
        if (backwards[c]) std::reverse(slices.begin(), slices.end());
        specializer_.take(make(prefix_ + "collect_" + std::to_string(c), "Concat", slices,
                               {node_.outputs[output]}, {{"axis", axes[c]}}));
      } else {
        const std::string value =
            specializer_.add_constant(prefix_ + "none_" + std::to_string(c), none[c]);
        name_output(specializer_, node_, output, value);
      }
    }
    for (size_t s = 0; s < states_.size(); ++s) name_output(specializer_, node_, s, states_[s]);
  }

 private:
  void collect(size_t c, const std::string& value, int64_t axis) {
    const std::string name =
        prefix_ + "slice_" + std::to_string(c) + "_" + std::to_string(slices_[c].size());
    const std::string axes = specializer_.add_constant(
        name + "_axis", Tensor::from<int64_t>({1}, std::vector<int64_t>{axis}));
    specializer_.take(make(name, "Unsqueeze", {value, axes}, {name}));
    slices_[c].push_back(name);
  }

  Tensor empty_collection(size_t c, int64_t axis) {
    const TensorType* type = slices_[c].empty() ? nullptr : specializer_.type(slices_[c][0]);
    if (type == nullptr) {
      throw Error(describe(node_), "never runs, and what it would collect has no known shape");
    }
    Shape shape = type->shape;
    const auto rank = static_cast<int64_t>(shape.size());
    shape.at(static_cast<size_t>(axis < 0 ? axis + rank : axis)) = 0;
    return {type->dtype, shape};
  }

  Specializer& specializer_;
  const Node& node_;
  const Graph& body_;
  std::string prefix_;
  Names initial_;
  Names states_;
  Names captured_;
  std::vector<Names> slices_;
  Specializer::Mark start_;
};

struct Parts {
  Names leading;   // before the carried values
  Names states;    // carried from one iteration to the next
  Names trailing;  // after them: what a Scan walks over
  Names captured;
  size_t collected = 0;  // outputs that iterations add to
};

/// Splits the node's inputs, and checks them against its body. The body has as many inputs, and
/// `outputs` outputs before those of the carried values.
Parts split(const Node& node, size_t leading, size_t trailing, size_t outputs) {
  const Graph& body = node.body("body");
  const int64_t captures = node.get("captures", int64_t{0});
  const size_t fixed = leading + trailing;
  if (captures < 0 || node.inputs.size() < fixed ||
      static_cast<size_t>(captures) > node.inputs.size() - fixed ||
      body.inputs.size() != node.inputs.size()) {
    throw Error(describe(node), "its body has other inputs than the node");
  }
  const size_t states = node.inputs.size() - fixed - static_cast<size_t>(captures);
  if (body.outputs.size() < outputs + states ||
      node.outputs.size() > body.outputs.size() - outputs) {
    throw Error(describe(node), "its body has other outputs than the node");
  }
  Parts parts;
  auto at = node.inputs.begin();
  const auto next = [&](size_t count) {
    const auto begin = at;
    at += static_cast<std::ptrdiff_t>(count);
    return Names(begin, at);
  };
  parts.leading = next(leading);
  parts.states = next(states);
  parts.trailing = next(trailing);
  parts.captured = next(static_cast<size_t>(captures));
  parts.collected = body.outputs.size() - outputs - states;
  return parts;
}

int64_t trip_count(const Specializer& specializer, const Node& node) {
  const std::string& name = node.inputs[0];
  if (name.empty()) return INT64_MAX;
  const Tensor* value = specializer.constant(name);
  if (value == nullptr) throw NeedsValue(node, 0, "its number of iterations");
  if (value->dtype() != DType::i64 || value->size() != 1) {
    throw Error(describe(node), "its number of iterations is " + to_string(value->type()),
                "one int64");
  }
  return value->data<int64_t>()[0];
}

bool goes_on(const Specializer& specializer, const Node& node, const std::string& condition) {
  const Tensor* value = specializer.constant(condition);
  if (value == nullptr) {
    throw Error(describe(node), "goes on as long as its data say, which isn't supported",
                "a number of iterations that depends on constants and shapes only");
  }
  if (value->dtype() != DType::boolean || value->size() != 1) {
    throw Error(describe(node), "its body's condition is " + to_string(value->type()), "one bool");
  }
  return value->data<bool>()[0];
}

void expand_loop(Specializer& specializer, const Node& node) {
  const Parts parts = split(node, 2, 0, 1);
  const int64_t trips = trip_count(specializer, node);
  bool go_on = node.inputs[1].empty() || known_condition(specializer, node, 1);
  Iterations iterations(specializer, node, parts.states, parts.captured, parts.collected);
  const std::vector<int64_t> axes(parts.collected, 0);
  const std::string yes =
      specializer.add_constant(iterations.prefix() + "go_on", Tensor::scalar(true));
  const auto iterate = [&](int64_t i) {
    const std::string number =
        specializer.add_constant(iterations.prefix() + "i" + std::to_string(i), Tensor::scalar(i));
    return iterations.run({number, yes}, {}, 1, axes)[0];
  };
  int64_t done = 0;
  for (; done < trips && go_on; ++done) go_on = goes_on(specializer, node, iterate(done));
  if (done == 0 && parts.collected > 0) iterate(0);
  iterations.finish(done > 0, axes, std::vector<bool>(parts.collected, false));
}

/// A list of axes or directions of a Scan, `count` zeros where the node has none.
std::vector<int64_t> scan_list(const Node& node, const char* name, size_t count) {
  const std::vector<int64_t> list = node.get(name, std::vector<int64_t>(count, 0));
  if (list.size() == count) return list;
  throw Error(describe(node),
              std::string(name) + " has " + std::to_string(list.size()) + " entries",
              std::to_string(count));
}

size_t scan_axis(const Node& node, const TensorType& type, int64_t axis) {
  const auto rank = static_cast<int64_t>(type.shape.size());
  if (axis < -rank || axis >= rank) {
    throw Error(describe(node),
                "walks along axis " + std::to_string(axis) + " of " + to_string(type));
  }
  return static_cast<size_t>(axis < 0 ? axis + rank : axis);
}

int64_t scan_length(const Specializer& specializer, const Node& node, const Names& walked,
                    const std::vector<int64_t>& axes) {
  std::optional<int64_t> length;
  for (size_t i = 0; i < walked.size(); ++i) {
    const TensorType* type = specializer.type(walked[i]);
    if (type == nullptr) throw Error(describe(node), "an input of its walk is absent");
    const int64_t extent = type->shape[scan_axis(node, *type, axes[i])];
    if (length && *length != extent) {
      throw Error(describe(node), "walks over " + std::to_string(*length) + " and over " +
                                      std::to_string(extent) + " elements");
    }
    length = extent;
  }
  return length.value_or(0);
}

void expand_scan(Specializer& specializer, const Node& node) {
  const int64_t given = node.get("num_scan_inputs", int64_t{0});
  if (given < 1 || given > static_cast<int64_t>(node.inputs.size())) {
    throw Error(describe(node), "has num_scan_inputs " + std::to_string(given), "1 or more");
  }
  const auto walks = static_cast<size_t>(given);
  const Parts parts = split(node, 0, walks, 0);
  const auto axes = scan_list(node, "scan_input_axes", walks);
  const auto directions = scan_list(node, "scan_input_directions", walks);
  const auto out_axes = scan_list(node, "scan_output_axes", parts.collected);
  const auto out_directions = scan_list(node, "scan_output_directions", parts.collected);
  const int64_t length = scan_length(specializer, node, parts.trailing, axes);
  Iterations iterations(specializer, node, parts.states, parts.captured, parts.collected);
  const auto iterate = [&](int64_t t) {
    Names slices;
    for (size_t i = 0; i < walks; ++i) {
      const std::string name =
          iterations.prefix() + "walk_" + std::to_string(i) + "_" + std::to_string(t);
      const std::string index = specializer.add_constant(
          name + "_index", Tensor::scalar(directions[i] == 0 ? t : length - 1 - t));
      specializer.take(
          make(name, "Gather", {parts.trailing[i], index}, {name}, {{"axis", axes[i]}}));
      slices.push_back(name);
    }
    iterations.run({}, slices, 0, out_axes);
  };
  if (length == 0) {
    throw Error(describe(node), "walks over nothing", "one element or more");
  }
  for (int64_t t = 0; t < length; ++t) iterate(t);
  iterations.finish(true, out_axes, {out_directions.begin(), out_directions.end()});
}

}  // namespace

bool is_control_flow(const Node& node) {
  return node.domain.empty() && (node.op == "If" || node.op == "Loop" || node.op == "Scan");
}

void expand_control_flow(Specializer& specializer, const Node& node) {
  if (node.op == "If") return expand_if(specializer, node);
  if (node.op == "Loop") return expand_loop(specializer, node);
  expand_scan(specializer, node);
}

}  // namespace betimes::graph::detail
