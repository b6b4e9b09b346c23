#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {

std::string Formula::constant(const char* what, double value) {
  return rewriter_.add_constant(stem(node_, what), Tensor::scalar(static_cast<float>(value)));
}

std::string Formula::integers(const char* what, const std::vector<int64_t>& values) {
  return rewriter_.add_integers(stem(node_, what), values);
}

std::string Formula::apply(const char* op, Names inputs, Attributes attributes) {
  return apply_for(1, op, std::move(inputs), std::move(attributes))[0];
}

std::string Formula::part_name(const char* op) {
  return fmt::format("{}/{}_{}", node_.name, op, parts_++);
}

Formula::Names Formula::apply_for(size_t count, const char* op, Names inputs,
                                  Attributes attributes) {
  Names outputs;
  for (size_t i = 0; i < count; ++i) outputs.push_back(rewriter_.fresh(stem(node_, op)));
  rewriter_.emit({part_name(op), op, "", std::move(inputs), outputs, std::move(attributes)});
  return outputs;
}

void Formula::finish(const char* op, Names inputs, Attributes attributes, size_t output) {
  const std::string& name = output == 0 ? node_.name : node_.outputs[output];
  rewriter_.emit({name, op, "", std::move(inputs), {node_.outputs[output]}, std::move(attributes)});
}

std::string Formula::dequantized(size_t value, size_t scale, size_t zero, int64_t axis) {
  Names inputs = {required(node_, value), required(node_, scale)};
  if (!input_or_none(node_, zero).empty()) inputs.push_back(node_.inputs[zero]);
  return apply("DequantizeLinear", std::move(inputs), {{"axis", axis}});
}

bool Formula::wanted(size_t output) const {
  if (output >= node_.outputs.size() || node_.outputs[output].empty()) return false;
  return rewriter_.is_read(node_.outputs[output]);
}

void Formula::finish_gelu(const std::string& x) {
  const auto scaled = apply("Mul", {x, constant("scale", 1.0 / std::numbers::sqrt2)});
  const auto above = apply("Add", {apply("Erf", {scaled}), constant("one", 1.0)});
  finish("Mul", {apply("Mul", {x, constant("half", 0.5)}), above});
}

void Formula::finish_tanh_gelu(const std::string& x) {
  const auto cube = apply("Mul", {apply("Mul", {x, x}), x});
  const auto sum = apply("Add", {x, apply("Mul", {cube, constant("cubic", 0.044715)})});
  const auto scaled = apply("Mul", {sum, constant("scale", std::sqrt(2.0 / std::numbers::pi))});
  const auto above = apply("Add", {apply("Tanh", {scaled}), constant("one", 1.0)});
  finish("Mul", {apply("Mul", {x, constant("half", 0.5)}), above});
}

}  // namespace betimes::import::detail
