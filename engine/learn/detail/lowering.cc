#include "betimes/learn/detail/lowering.h"

#include <ATen/ExpandUtils.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/learn/trace.h"

namespace betimes::learn::detail {
namespace {

namespace jit = torch::jit;

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
    for (const auto part : {activation_lowerings(), arithmetic_lowerings(), matrix_lowerings(),
                            index_lowerings(), convolution_lowerings(), logic_lowerings(),
                            normalization_lowerings(), recurrent_lowerings(), reduction_lowerings(),
                            resampling_lowerings(), shape_lowerings()}) {
      for (const Lowering& entry : part) found.emplace(entry.operation, &entry);
    }
    return found;
  }();
  return all;
}

Shape shape_of(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant && constant->isTensor() ? constant->toTensor().sizes().vec()
                                          : traced_shape(value);
}

at::ScalarType type_of(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant && constant->isTensor() ? constant->toTensor().scalar_type() : traced_type(value);
}

}  // namespace

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
  at::Tensor tensor = constant->toTensor();
  if (!builder_.batch.varying.contains(value)) {
    return builder_.names[value] = builder_.constant(tensor);
  }
  // Zeros of the batch's size and the like: one slice, repeated as often as there are examples.
  const Shape shape = tensor.sizes().vec(), grows = growth_of(value);
  bool open = false;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (grows[axis] == 0) continue;
    open = true;
    const at::Tensor first = tensor.narrow(static_cast<int64_t>(axis), 0, 1);
    if (!at::equal(first.expand_as(tensor), tensor)) open = false;
    tensor = first;
  }
  if (!open) refuse("uses a constant whose values depend on the batch size", "batch = \"\"");
  return builder_.add("Expand", {builder_.constant(tensor), builder_.extents(shape, grows)});
}

Shape Call::growth_of(const jit::Value* value) const {
  const auto found = builder_.batch.growth.find(value);
  if (found != builder_.batch.growth.end()) return found->second;
  return Shape(shape_of(value).size(), 0);
}

std::optional<c10::IValue> Call::fixed(size_t i) const {
  const auto value = jit::toIValue(operand(i));
  if (!value) return std::nullopt;
  if (builder_.batch.varying.contains(operand(i))) {
    refuse("operand " + std::to_string(i) + " depends on the batch size", "batch = \"\"");
  }
  return *value;
}

int64_t Call::fixed_extent(size_t i, int64_t axis) const {
  const auto a = static_cast<size_t>(axis);
  if (growth(i).at(a) != 0) refuse("works along the batch", "batch = \"\"");
  return shape(i).at(a);
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

std::vector<Call::Element> Call::elements(size_t i) const {
  std::vector<Element> found;
  if (jit::toIValue(operand(i))) {
    const c10::IValue whole = *fixed(i);
    if (!whole.isList()) refuse("operand " + std::to_string(i) + " isn't a list");
    for (const c10::IValue& each : whole.toListRef()) {
      found.push_back({nullptr, each.isTensor() ? std::optional(each.toTensor()) : std::nullopt});
    }
    return found;
  }
  const jit::Node* list = operand(i)->node();
  if (list->kind() != c10::prim::ListConstruct) refuse("an operand isn't a list of tensors");
  for (const jit::Value* value : list->inputs()) {
    if (value->mustBeNone()) {
      found.push_back({nullptr, std::nullopt});
      continue;
    }
    const auto constant = jit::toIValue(value);
    const bool known = constant && constant->isTensor() && !builder_.batch.varying.contains(value);
    found.push_back({value, known ? std::optional(constant->toTensor()) : std::nullopt});
  }
  return found;
}

std::vector<std::string> Call::tensors(size_t i) const {
  std::vector<std::string> names;
  for (const Element& each : elements(i)) {
    if (each.value != nullptr) {
      names.push_back(name_of(each.value));
    } else {
      names.push_back(each.constant ? builder_.constant(*each.constant) : std::string());
    }
  }
  return names;
}

std::optional<std::vector<at::Tensor>> Call::known_list(size_t i) const {
  std::vector<at::Tensor> found;
  for (const Element& each : elements(i)) {
    if (!each.constant) return std::nullopt;
    found.push_back(*each.constant);
  }
  return found;
}

std::optional<at::Tensor> Call::known_in_list(size_t i, size_t at) const {
  const auto whole = jit::toIValue(operand(i));
  if (whole && whole->isTensorList()) return whole->toTensorVector().at(at);
  if (operand(i)->node()->kind() != c10::prim::ListConstruct) return std::nullopt;
  const auto value = jit::toIValue(operand(i)->node()->inputs().at(at));
  if (!value || !value->isTensor()) return std::nullopt;
  return value->toTensor();
}

std::vector<Shape> Call::shapes_of_list(size_t i) const {
  std::vector<Shape> found;
  for (const Element& each : elements(i)) {
    found.push_back(each.constant ? each.constant->sizes().vec() : shape_of(each.value));
  }
  return found;
}

std::vector<at::ScalarType> Call::types_of_list(size_t i) const {
  std::vector<at::ScalarType> found;
  for (const Element& each : elements(i)) {
    const at::ScalarType known =
        each.constant ? each.constant->scalar_type() : at::ScalarType::Undefined;
    found.push_back(each.constant || each.value == nullptr ? known : type_of(each.value));
  }
  return found;
}

std::pair<Shape, Shape> Call::shape_of_list_together(size_t i) const {
  Shape shape, growth;
  for (const Element& each : elements(i)) {
    if (each.value == nullptr && !each.constant) continue;
    const Shape one = each.constant ? each.constant->sizes().vec() : shape_of(each.value);
    const Shape grows = each.constant ? Shape(one.size(), 0) : growth_of(each.value);
    shape = at::infer_size(shape, one);
    growth.insert(growth.begin(), shape.size() - growth.size(), 0);
    for (size_t axis = 0; axis < one.size(); ++axis) {
      int64_t& known = growth[shape.size() - one.size() + axis];
      known = std::max(known, grows[axis]);
    }
  }
  return {shape, growth};
}

Shape Call::shape(size_t i) const { return shape_of(operand(i)); }
at::ScalarType Call::type(size_t i) const { return type_of(operand(i)); }

int64_t Call::integer(size_t i) const {
  const auto value = fixed(i);
  if (!value || !value->isInt()) refuse("operand " + std::to_string(i) + " isn't a fixed integer");
  return value->toInt();
}

double Call::real(size_t i) const {
  const auto value = fixed(i);
  if (value && value->isDouble()) return value->toDouble();
  if (value && value->isInt()) return static_cast<double>(value->toInt());
  if (value && value->isBool()) return value->toBool() ? 1.0 : 0.0;
  if (value && value->isTensor() && value->toTensor().numel() == 1) {
    return value->toTensor().item<double>();
  }
  refuse("operand " + std::to_string(i) + " isn't a fixed number");
}

bool Call::flag(size_t i) const {
  const auto value = fixed(i);
  if (!value || !(value->isBool() || value->isInt())) {
    refuse("operand " + std::to_string(i) + " isn't a fixed boolean");
  }
  return value->isBool() ? value->toBool() : value->toInt() != 0;
}

std::string Call::text(size_t i) const {
  const auto value = fixed(i);
  if (!value || !value->isString()) refuse("operand " + std::to_string(i) + " isn't fixed text");
  return value->toStringRef();
}

std::vector<int64_t> Call::integers(size_t i) const {
  const jit::Value* list = operand(i);
  if (const auto value = fixed(i)) {
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

Shape Call::out_shape(size_t output) const { return traced_shape(node_.output(output)); }
at::ScalarType Call::out_type(size_t output) const { return traced_type(node_.output(output)); }

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
  const jit::Node* from = node_.outputs().size() > 1 ? &node_ : unpacking(node_);
  if (from == nullptr) refuse("its list of results is used as a whole");
  for (size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) {
      builder_.names[from->output(i)] = names[i];
    } else if (from->output(i)->hasUses()) {
      refuse(std::string("its result ") + std::to_string(i) + " is used");
    }
  }
}

std::string reshape_to_result(const Call& call) {
  const Shape from = call.shape(0), to = call.out_shape();
  const Shape growing = call.out_growth();
  if (from == to && call.growth(0) == growing) return call.tensor(0);
  const bool keeps =
      !from.empty() && !to.empty() && from[0] == to[0] && call.growth(0)[0] == growing[0];
  if (keeps && to.size() == 2 && from.size() > 1) {
    return call.add("Flatten", {call.tensor(0)}, {{"axis", int64_t{1}}});
  }
  // ONNX's 0 copies the extent of the input, -1 takes what is left.
  Shape target = to;
  if (keeps) target[0] = 0;
  size_t open = 0;
  for (size_t i = keeps ? 1 : 0; i < to.size(); ++i) {
    if (growing[i] == 0) continue;
    target[i] = -1;
    ++open;
  }
  return call.add(
      "Reshape", {call.tensor(0), open > 1 ? call.out_extents() : call.builder().constant(target)});
}

std::function<void(const Call&)> unary(std::string op) {
  return [op](const Call& call) { call.result(call.add(op, {call.tensor(0)})); };
}

void identity(const Call& call) { call.result(call.tensor(0)); }

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

std::vector<std::string> betimes::learn::lowered_operations() {
  std::vector<std::string> names;
  for (const auto& [name, lowering] : detail::table()) names.emplace_back(name);
  return names;
}
