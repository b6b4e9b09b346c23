#include "betimes/cost/kernel_work.h"

#include <algorithm>
#include <set>

#include "betimes/graph/activation.h"
#include "betimes/tensor/tensor.h"

namespace betimes::cost {
namespace {

using graph::Attribute;
using runtime::StepInfo;
using Kind = graph::Activation::Kind;

double elements(const TensorType& type) {
  double count = 1;
  for (const int64_t extent : type.shape) count *= static_cast<double>(extent);
  return count;
}

template <class T>
const T* attribute(const StepInfo& step, const std::string& key) {
  const auto found = step.attributes.find(key);
  return found == step.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

bool one_of(const std::string& op, const std::set<std::string>& set) { return set.contains(op); }

/// Whether the function costs a polynomial rather than an instruction or two.
bool exponential(const std::string& activation) {
  static const std::set<std::string> all = {
      std::string(name(Kind::sigmoid)),    std::string(name(Kind::swish)),
      std::string(name(Kind::tanh)),       std::string(name(Kind::elu)),
      std::string(name(Kind::gelu)),       std::string(name(Kind::gelu_tanh)),
      std::string(name(Kind::exponential))};
  return all.contains(activation);
}

void count_function(KernelWork& work, const std::string& activation) {
  if (activation == name(Kind::none)) return;
  work.functions += 1;
  if (exponential(activation)) work.exponentials += 1;
  if (activation == name(Kind::reciprocal) || activation == name(Kind::square_root)) {
    work.divisions += 1;
  }
}

/// As the result lies.
Shape in_memory(Shape shape, const StepInfo& step) {
  if (step.channels_last && shape.size() >= 3) {
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  }
  return shape;
}

/// The largest number of a list, and 1 at least.
double largest(const StepInfo& step, const std::string& key) {
  double most = 1;
  if (const auto* list = attribute<std::vector<int64_t>>(step, key)) {
    for (const int64_t each : *list) most = std::max(most, static_cast<double>(each));
  }
  return most;
}

/// Elements that lie together in both: the innermost extents that are equal, and of the first that
/// isn't the smaller one.
double run_of(const Shape& from, const Shape& to) {
  if (from.size() != to.size()) return 1;
  double run = 1;
  for (size_t i = from.size(); i-- > 0;) {
    run *= static_cast<double>(std::max<int64_t>(std::min(from[i], to[i]), 1));
    if (from[i] != to[i]) break;
  }
  return run;
}

double run_of(const StepInfo& step) {
  const Shape& from = step.inputs[0].shape;
  const auto* order = attribute<std::vector<int64_t>>(step, "perm");
  if (step.op == "Reorder") return 1;
  if (!order || order->size() != from.size()) {
    return run_of(in_memory(from, step), in_memory(step.outputs[0].shape, step));
  }
  double run = 1;
  for (size_t i = from.size(); i-- > 0 && (*order)[i] == static_cast<int64_t>(i);) {
    run *= static_cast<double>(std::max<int64_t>(from[i], 1));
  }
  return run;
}

/// Places of one axis that a tap reads within the picture, over all that it reads.
double inside(int64_t in, int64_t out, int64_t taps, int64_t stride, int64_t dilation,
              int64_t pad) {
  double count = 0;
  for (int64_t tap = 0; tap < taps; ++tap) {
    // Of 0 <= place * stride - pad + tap * dilation < in.
    const int64_t shift = pad - tap * dilation;
    const int64_t first = shift > 0 ? (shift + stride - 1) / stride : 0;
    const int64_t last = in + shift > 0 ? (in + shift - 1) / stride : -1;
    count += static_cast<double>(std::max<int64_t>(std::min(last, out - 1) - first + 1, 0));
  }
  return count / static_cast<double>(std::max<int64_t>(taps * out, 1));
}

/// Small pictures under large kernels are padding for a good part, which kernels leave out.
double inside(const StepInfo& step) {
  const Shape& from = step.inputs[0].shape;
  const Shape& weights = step.inputs[1].shape;
  const Shape& to = step.outputs[0].shape;
  const auto at = [&](const char* key, size_t i, int64_t otherwise) {
    const auto* list = attribute<std::vector<int64_t>>(step, key);
    return list && i < list->size() ? (*list)[i] : otherwise;
  };
  double share = 1;
  for (size_t i = 0; i + 2 < std::min({from.size(), weights.size(), to.size()}); ++i) {
    share *= inside(from[i + 2], to[i + 2], weights[i + 2], at("strides", i, 1),
                    at("dilations", i, 1), at("pads", i, 0));
  }
  return share;
}

KernelKind product_kind(const StepInfo& step, const KernelWork& work) {
  if (step.precision == "int8") return KernelKind::integer_product;
  return work.rows <= 1 ? KernelKind::vector_product : KernelKind::product;
}

KernelKind convolution_kind(const StepInfo& step, const KernelWork& work) {
  if (work.groups > 1 && work.inner <= work.taps) return KernelKind::depthwise;
  if (step.precision == "int8") return KernelKind::integer_convolution;
  return work.taps <= 1 ? KernelKind::pointwise : KernelKind::convolution;
}

/// Output channels are the columns, places in the picture the rows.
void read_convolution(const StepInfo& step, KernelWork& work) {
  const Shape& weights = step.inputs[1].shape;
  const Shape& output = step.outputs[0].shape;
  if (weights.size() < 3 || output.size() < 3) return;
  for (size_t i = 2; i < weights.size(); ++i) work.taps *= static_cast<double>(weights[i]);
  if (const auto* groups = attribute<int64_t>(step, "group")) {
    work.groups = static_cast<double>(*groups);
  }
  work.stride = largest(step, "strides");
  if (work.taps > 1) work.dilation = largest(step, "dilations");
  if (work.taps > 1 && step.op != "ConvTranspose") work.inside = inside(step);
  const double channels = std::max(static_cast<double>(output[1]), 1.0);
  work.columns = channels / std::max(work.groups, 1.0);
  work.rows = elements(step.outputs[0]) / channels;
  work.inner = work.macs / std::max(work.written, 1.0);
  work.kind = convolution_kind(step, work);
}

void read_product(const StepInfo& step, KernelWork& work) {
  const Shape& output = step.outputs[0].shape;
  const bool row = output.size() < 2 || step.inputs[0].shape.size() < 2;
  work.columns = output.empty() ? 1 : static_cast<double>(output.back());
  work.rows = row ? 1 : static_cast<double>(output[output.size() - 2]);
  work.groups = work.written / std::max(work.rows * work.columns, 1.0);
  if (step.inputs[1].shape.size() <= 2) {  // one matrix for all: more rows of one product
    work.rows *= work.groups;
    work.groups = 1;
  }
  work.inner = work.macs / std::max(work.written, 1.0);
  work.kind = product_kind(step, work);
}

/// Of softmax(Q K^T) V; the last two axes of Q are the queries and the width of a head.
void read_attention(const StepInfo& step, KernelWork& work) {
  work.kind = KernelKind::attention;
  const Shape& query = step.inputs[0].shape;
  if (query.size() < 2) return;
  std::vector<size_t> axes = {query.size() - 2, query.size() - 1};
  const auto* order = attribute<std::vector<int64_t>>(step, "query_order");
  if (order && order->size() == query.size()) {
    for (size_t& axis : axes) axis = static_cast<size_t>((*order)[axis]);
  }
  if (std::max(axes[0], axes[1]) >= query.size()) return;
  work.rows = static_cast<double>(query[axes[0]]);
  work.inner = static_cast<double>(query[axes[1]]);
  work.groups = work.read / std::max(work.rows * work.inner, 1.0);
  work.columns = work.macs / std::max(2 * work.groups * work.rows * work.inner, 1.0);
}

void read_recurrent(const StepInfo& step, KernelWork& work) {
  work.kind = KernelKind::recurrent;
  const Shape& input = step.inputs[0].shape;
  if (input.size() == 3) {
    work.steps = static_cast<double>(input[0]);
    work.rows = static_cast<double>(input[1]);
  }
  if (const auto* hidden = attribute<int64_t>(step, "hidden_size")) {
    work.columns = static_cast<double>(*hidden);
  }
  work.inner = work.macs / std::max(work.steps * work.rows * work.columns, 1.0);
}

KernelKind kind_by_name(const StepInfo& step) {
  static const std::set<std::string> pooling = {"MaxPool",       "AveragePool", "GlobalAveragePool",
                                                "GlobalMaxPool", "LpPool",      "Resize"};
  static const std::set<std::string> normalization = {
      "Softmax",    "LogSoftmax", "LayerNormalization", "InstanceNormalization",
      "ReduceMean", "ReduceSum",  "ReduceMax",          "ReduceMin",
      "ReduceL2",   "ReduceProd", "LpNormalization",    "ReduceSumSquare"};
  static const std::set<std::string> movement = {
      "Reorder", "Concat", "Transpose", "Slice",     "Split", "Gather",       "Pad",
      "Expand",  "Tile",   "Reshape",   "ScatterND", "Cast",  "DepthToSpace", "SpaceToDepth"};
  static const std::set<std::string> quantization = {"QuantizeLinear", "DequantizeLinear"};
  static const std::set<std::string> elementwise = {"Elementwise", "Activation", "Add",  "Mul",
                                                    "Sub",         "Div",        "Relu", "Clip"};
  if (one_of(step.op, pooling)) return KernelKind::pooling;
  if (one_of(step.op, normalization)) return KernelKind::normalization;
  if (one_of(step.op, movement)) return KernelKind::movement;
  if (one_of(step.op, quantization)) return KernelKind::quantization;
  if (one_of(step.op, elementwise)) return KernelKind::elementwise;
  return KernelKind::other;
}

void read_passes(const StepInfo& step, KernelWork& work) {
  work.kind = kind_by_name(step);
  const Shape written = in_memory(step.outputs[0].shape, step);
  if (!written.empty()) work.columns = std::max(static_cast<double>(written.back()), 1.0);
  work.rows = std::max(work.written, work.read) / work.columns;
  work.stride = largest(step, "strides");
  work.run = run_of(step);
  if (const auto* kernel = attribute<std::vector<int64_t>>(step, "kernel_shape")) {
    for (const int64_t each : *kernel) work.taps *= static_cast<double>(each);
  }
  if (const auto* operands = attribute<std::vector<int64_t>>(step, "operands")) {
    work.functions = static_cast<double>(operands->size()) / 2;
  }
  if (const auto* all = attribute<std::vector<std::string>>(step, "activations")) {
    for (const std::string& each : *all) count_function(work, each);
  }
  if (const auto* all = attribute<std::vector<std::string>>(step, "operations")) {
    work.divisions += static_cast<double>(std::count(all->begin(), all->end(), "Div"));
  }
  if (work.kind != KernelKind::elementwise) return;
  work.functions = std::max(work.functions, 1.0);
  for (const TensorType& input : step.inputs) {
    work.broadcasts += elements(input) > 1 && elements(input) < work.written ? 1 : 0;
  }
}

int bits_of(const StepInfo& step) {
  if (step.precision == "int8") return 8;
  if (step.precision == "bf16") return 16;
  return step.outputs.empty() ? 32 : static_cast<int>(8 * size_of(step.outputs[0].dtype));
}

}  // namespace

std::string_view name(KernelKind kind) {
  static constexpr std::array<std::string_view, kernel_kinds> names = {
      "convolution", "pointwise",     "depthwise",    "int8 convolution", "product",
      "row product", "int8 product",  "attention",    "recurrence",       "elementwise",
      "pooling",     "normalization", "quantization", "movement",         "other"};
  return names[static_cast<size_t>(kind)];
}

std::vector<Kernel> kernels_of(const std::vector<StepInfo>& steps) {
  std::vector<Kernel> kernels;
  kernels.reserve(steps.size());
  double bytes = 0;
  for (const StepInfo& step : steps) {
    kernels.push_back({step.op, step.kernel, work_of(step)});
    bytes += step.bytes;
  }
  for (Kernel& kernel : kernels) kernel.work.context = bytes;
  return kernels;
}

KernelWork work_of(const StepInfo& step) {
  KernelWork work;
  work.macs = step.macs;
  work.bytes = step.bytes;
  work.bits = bits_of(step);
  work.reference = step.kernel.starts_with("reference");
  if (step.outputs.empty() || step.inputs.empty()) return work;
  for (const TensorType& output : step.outputs) work.written += elements(output);
  work.read = elements(step.inputs[0]);
  if (step.inputs.size() > 1) work.weights = elements(step.inputs[1]);
  if (step.outputs[0].shape.size() > 2) {
    work.channels = static_cast<double>(step.outputs[0].shape[1]);
    work.width = std::max(static_cast<double>(step.outputs[0].shape.back()), 1.0);
  }
  if (const auto* activation = attribute<std::string>(step, "activation")) {
    count_function(work, *activation);
  }
  const bool two = step.inputs.size() > 1;
  if (two && one_of(step.op, {"Conv", "QuantizedConv", "ConvTranspose"})) {
    read_convolution(step, work);
  } else if (two && one_of(step.op, {"MatMul", "QuantizedMatMul", "Gemm"})) {
    read_product(step, work);
  } else if (one_of(step.op, {"LSTM", "GRU", "RNN"})) {
    read_recurrent(step, work);
  } else if (step.op == "Attention") {
    read_attention(step, work);
  } else {
    read_passes(step, work);
  }
  return work;
}

}  // namespace betimes::cost
