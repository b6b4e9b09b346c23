#include "betimes/learn/detail/lowering.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <cctype>

#include "betimes/base/error.h"
#include "betimes/learn/trace.h"

namespace betimes::learn::detail {
namespace {

namespace jit = torch::jit;

/// "top.first" of "top.first.weight".
std::string layer_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Shape traced_shape(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : c10::nullopt;
  if (!sizes) throw Error("trace", "LibTorch recorded no shape for %" + value->debugName());
  return {sizes->begin(), sizes->end()};
}

at::ScalarType traced_type(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto scalar = type ? type->scalarType() : c10::nullopt;
  if (!scalar) throw Error("trace", "LibTorch recorded no type for %" + value->debugName());
  return *scalar;
}

const std::map<std::string_view, const Lowering*>& table() {
  static const auto all = [] {
    std::map<std::string_view, const Lowering*> found;
    for (const auto part :
         {arithmetic_lowerings(), activation_lowerings(), layer_lowerings(), shape_lowerings()}) {
      for (const Lowering& entry : part) found.emplace(entry.operation, &entry);
    }
    return found;
  }();
  return all;
}

}  // namespace

std::string Builder::unique(const std::string& stem) {
  std::string name = stem;
  while (!taken_.insert(name).second) name = stem + "_" + std::to_string(++counts_[stem]);
  return name;
}

std::string Builder::add(const std::string& op, std::vector<std::string> inputs,
                         Attributes attributes) {
  return add_many(op, std::move(inputs), std::move(attributes), 1)[0];
}

std::vector<std::string> Builder::add_many(const std::string& op, std::vector<std::string> inputs,
                                           Attributes attributes, size_t outputs) {
  std::string layer;
  for (const std::string& input : inputs) {
    if (layer.empty() && graph.is_constant(input)) layer = layer_of(input);
  }
  if (!layer.empty()) last_layer_ = layer;
  graph::Node node;
  node.op = op;
  node.name = unique(layer.empty() ? lower_case(op) : layer);
  for (size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(outputs == 1 ? node.name : unique(node.name + ".out"));
  }
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  graph.nodes.push_back(std::move(node));
  return graph.nodes.back().outputs;
}

void Builder::publish(const std::string& given, const std::string& name) {
  const std::string value = given;  // `given` may lie in `names`, which is about to change
  graph::Node* producer = nullptr;
  for (graph::Node& node : graph.nodes) {
    const auto output = std::find(node.outputs.begin(), node.outputs.end(), value);
    if (output != node.outputs.end()) producer = &node;
  }
  const bool is_output = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                     [&](const graph::ValueInfo& o) { return o.name == value; });
  if (producer == nullptr || is_output) {
    graph.nodes.push_back({.name = unique("identity"),
                           .op = "Identity",
                           .domain = {},
                           .inputs = {value},
                           .outputs = {name},
                           .attributes = {}});
    return;
  }
  for (auto& [jit_value, known_as] : names) {
    if (known_as == value) known_as = name;
  }
  std::replace(producer->outputs.begin(), producer->outputs.end(), value, name);
  for (graph::Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), value, name);
  }
}

std::string Builder::constant(const at::Tensor& value, const std::string& hint) {
  const void* address = value.numel() > 0 ? value.data_ptr() : nullptr;
  const auto named = parameter_names.find(address);
  if (address && named != parameter_names.end()) {
    const auto seen = known_.find(address);
    if (seen != known_.end() && seen->second.second.sizes() == value.sizes() &&
        seen->second.second.strides() == value.strides()) {
      return seen->second.first;
    }
  }
  const std::string name = unique(named == parameter_names.end() ? hint : named->second);
  graph.constants.emplace(name, from_torch(value));
  if (address) known_.emplace(address, std::make_pair(name, value));
  return name;
}

std::string Builder::constant(const std::vector<int64_t>& values) {
  const std::string name = unique("constant");
  graph.constants.emplace(name,
                          Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values));
  return name;
}

const jit::Value* Call::operand(size_t i) const {
  if (i >= node_.inputs().size()) refuse("has no operand " + std::to_string(i));
  return node_.input(i);
}

std::string Call::where() const {
  std::string text = std::string(node_.kind().toQualString()) + "(";
  for (const jit::Value* input : node_.inputs()) {
    const auto type = input->type()->cast<c10::TensorType>();
    if (!type || !type->sizes().concrete_sizes()) continue;
    if (text.back() != '(') text += ", ";
    text += to_string(traced_shape(input));
  }
  text += ")";
  if (const auto source = node_.sourceRange().file_line_col()) {
    const auto& [file, line, column] = *source;
    text += " at " + file + ":" + std::to_string(line);
  } else if (!builder_.last_layer().empty()) {
    text += " after layer " + builder_.last_layer();
  }
  return text;
}

void Call::refuse(const std::string& what, const std::string& expected) const {
  throw Error(where(), what, expected);
}

bool Call::is_none(size_t i) const {
  return i >= node_.inputs().size() || node_.input(i)->mustBeNone();
}

std::string Call::name_of(const jit::Value* value) const {
  const auto found = builder_.names.find(value);
  if (found != builder_.names.end()) return found->second;
  const auto constant = jit::toIValue(value);
  if (!constant || !constant->isTensor()) refuse("an operand isn't a tensor");
  return builder_.names[value] = builder_.constant(constant->toTensor());
}

std::string Call::tensor(size_t i) const { return name_of(operand(i)); }

bool Call::is_number(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  return value && (value->isInt() || value->isDouble() || value->isBool());
}

std::optional<at::Tensor> Call::known(size_t i) const {
  const auto constant = jit::toIValue(operand(i));
  if (!constant || !constant->isTensor()) return std::nullopt;
  return constant->toTensor();
}

std::vector<std::string> Call::tensors(size_t i) const {
  const jit::Node* list = operand(i)->node();
  if (list->kind() != c10::prim::ListConstruct) refuse("an operand isn't a list of tensors");
  std::vector<std::string> found;
  for (const jit::Value* value : list->inputs()) found.push_back(name_of(value));
  return found;
}

std::vector<Shape> Call::shapes_of_list(size_t i) const {
  std::vector<Shape> found;
  for (const jit::Value* value : operand(i)->node()->inputs()) {
    found.push_back(traced_shape(value));
  }
  return found;
}

Shape Call::shape(size_t i) const {
  if (const auto value = known(i)) return value->sizes().vec();
  return traced_shape(operand(i));
}

at::ScalarType Call::type(size_t i) const {
  if (const auto value = known(i)) return value->scalar_type();
  return traced_type(operand(i));
}

int64_t Call::integer(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  if (!value || !value->isInt()) refuse("operand " + std::to_string(i) + " isn't a fixed integer");
  return value->toInt();
}

double Call::real(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  if (value && value->isDouble()) return value->toDouble();
  if (value && value->isInt()) return static_cast<double>(value->toInt());
  if (value && value->isBool()) return value->toBool() ? 1.0 : 0.0;
  if (value && value->isTensor() && value->toTensor().numel() == 1) {
    return value->toTensor().item<double>();
  }
  refuse("operand " + std::to_string(i) + " isn't a fixed number");
}

bool Call::flag(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  if (!value || !(value->isBool() || value->isInt())) {
    refuse("operand " + std::to_string(i) + " isn't a fixed boolean");
  }
  return value->isBool() ? value->toBool() : value->toInt() != 0;
}

std::string Call::text(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  if (!value || !value->isString()) refuse("operand " + std::to_string(i) + " isn't fixed text");
  return value->toStringRef();
}

std::vector<int64_t> Call::integers(size_t i) const {
  const jit::Value* list = operand(i);
  if (const auto value = jit::toIValue(list)) {
    if (value->isIntList()) return value->toIntVector();
    if (value->isInt()) return {value->toInt()};
  }
  if (list->node()->kind() != c10::prim::ListConstruct) {
    refuse("operand " + std::to_string(i) + " isn't a fixed list of integers");
  }
  std::vector<int64_t> found;
  for (const jit::Value* element : list->node()->inputs()) {
    const auto value = jit::toIValue(element);
    if (!value || !value->isInt()) {
      refuse("operand " + std::to_string(i) + " depends on what the model computes",
             "sizes fixed by the example");
    }
    found.push_back(value->toInt());
  }
  return found;
}

int64_t Call::axis(size_t i, int64_t extra) const {
  const int64_t given = integer(i);
  return given < 0 ? given + rank(0) + extra : given;
}

Shape Call::out_shape() const { return traced_shape(node_.output(0)); }
at::ScalarType Call::out_type() const { return traced_type(node_.output(0)); }

std::string Call::scalar(double value, bool like_result) const {
  return scalar_of(value, like_result ? out_type() : type(0));
}

std::string Call::scalar_of(double value, at::ScalarType type) const {
  return builder_.constant(at::scalar_tensor(value, at::TensorOptions().dtype(type)));
}

namespace {

const jit::Node* unpacking(const jit::Node& node) {
  const auto& uses = node.output(0)->uses();
  const bool unpacked = uses.size() == 1 && uses[0].user->kind() == c10::prim::ListUnpack;
  return unpacked ? uses[0].user : nullptr;
}

}  // namespace

size_t Call::list_size() const {
  const jit::Node* unpack = unpacking(node_);
  if (unpack == nullptr) refuse("its list of results is used as a whole");
  return unpack->outputs().size();
}

void Call::results(const std::vector<std::string>& names) const {
  const jit::Node* unpack = unpacking(node_);
  for (size_t i = 0; i < names.size(); ++i) builder_.names[unpack->output(i)] = names[i];
}

std::string reshape(const Call& call, const std::string& value, const Shape& from,
                    const Shape& to) {
  if (from == to) return value;
  // ONNX's 0 copies the extent of the input, -1 takes what is left. Where dimension 0 stays, it is
  // copied; where it changes, it is what is left. Both hold for any batch, unlike the traced sizes.
  std::vector<int64_t> target = to;
  const bool keeps = !from.empty() && !to.empty() && from[0] == to[0];
  if (keeps && to.size() == 2 && from.size() > 1) {
    return call.add("Flatten", {value}, {{"axis", int64_t{1}}});
  }
  if (!target.empty()) target[0] = keeps ? 0 : -1;
  return call.add("Reshape", {value, call.builder().constant(target)});
}

void lower(const jit::Graph& source, Builder& builder) {
  static const std::set<c10::Symbol> without_effect = {
      c10::prim::Constant, c10::prim::ListConstruct, c10::prim::ListUnpack,
      c10::prim::TupleConstruct};
  for (const jit::Node* node : source.nodes()) {
    if (without_effect.contains(node->kind())) continue;
    const Call call(*node, builder);
    const auto entry = table().find(node->kind().toQualString());
    if (entry == table().end()) {
      call.refuse("has no lowering", "one of the operations in engine/learn/detail/lower_*.cc");
    }
    entry->second->lower(call);
  }
}

}  // namespace betimes::learn::detail
