// Normalisations.
#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

/// Operand i, or one value per channel where the layer has no such parameter.
std::string per_channel(const Call& call, size_t i, int64_t channels, double otherwise) {
  if (!call.is_none(i)) return call.tensor(i);
  return call.builder().constant(at::full({channels}, otherwise, at::kFloat));
}

// batch_norm(x, weight, bias, mean, variance, training, momentum, eps, cudnn)
void batch_norm(const Call& call) {
  if (call.flag(5)) call.refuse("is in training mode", "module.eval()");
  if (call.is_none(3) || call.is_none(4)) call.refuse("has no running statistics");
  const int64_t channels = call.shape(0)[1];
  // The statistics come last, so that the node is named after the layer also without parameters.
  call.result(call.add("BatchNormalization",
                       {call.tensor(0), per_channel(call, 1, channels, 1.0),
                        per_channel(call, 2, channels, 0.0), call.tensor(3), call.tensor(4)},
                       {{"epsilon", static_cast<float>(call.real(7))}}));
}

// layer_norm(x, normalized_shape, weight, bias, eps, cudnn)
void layer_norm(const Call& call) {
  const Integers extent = call.integers(1);
  const std::string scale =
      call.is_none(2) ? call.builder().constant(at::ones(extent, at::kFloat)) : call.tensor(2);
  std::vector<std::string> inputs = {call.tensor(0), scale};
  if (!call.is_none(3)) inputs.push_back(call.tensor(3));
  call.result(call.add("LayerNormalization", inputs,
                       {{"axis", -static_cast<int64_t>(extent.size())},
                        {"epsilon", static_cast<float>(call.real(4))}}));
}

// group_norm(x, groups, weight, bias, eps, cudnn), as instances of [N, groups, rest].
void group_norm(const Call& call) {
  const int64_t groups = call.integer(1);
  const Shape shape = call.shape(0);
  auto& builder = call.builder();
  const std::string grouped =
      call.add("Reshape", {call.tensor(0), builder.constant(Integers{0, groups, -1})});
  const std::string normal = call.add("InstanceNormalization",
                                      {grouped, builder.constant(at::ones({groups}, at::kFloat)),
                                       builder.constant(at::zeros({groups}, at::kFloat))},
                                      {{"epsilon", static_cast<float>(call.real(4))}});
  Shape target = shape;
  target[0] = 0;
  std::string result = call.add("Reshape", {normal, builder.constant(target)});
  Shape along_channels(shape.size() - 1, 1);
  along_channels[0] = shape[1];
  const auto affine = [&](size_t i, const char* op) {
    if (call.is_none(i)) return;
    const auto value = call.known(i);
    if (!value) call.refuse("has weights that are computed", "parameters");
    result = call.add(op, {result, builder.constant(value->reshape(along_channels))});
  };
  affine(2, "Mul");
  affine(3, "Add");
  call.result(result);
}

// instance_norm(x, weight, bias, mean, var, by its own statistics, momentum, eps, cudnn)
void instance_norm(const Call& call) {
  const int64_t channels = call.shape(0)[1];
  const Attributes attributes = {{"epsilon", static_cast<float>(call.real(7))}};
  std::vector<std::string> inputs = {call.tensor(0), per_channel(call, 1, channels, 1.0),
                                     per_channel(call, 2, channels, 0.0)};
  if (call.flag(5)) return call.result(call.add("InstanceNormalization", inputs, attributes));
  inputs.push_back(call.tensor(3));
  inputs.push_back(call.tensor(4));
  call.result(call.add("BatchNormalization", inputs, attributes));
}

}  // namespace

std::span<const Lowering> normalization_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::batch_norm", batch_norm},
      {"aten::group_norm", group_norm},
      {"aten::instance_norm", instance_norm},
      {"aten::layer_norm", layer_norm},
  };
  return list;
}

}  // namespace betimes::learn::detail
