// Forms of operators after graph::canonical_opset: written in the canonical one where that says the
// same, refused by name where it can't.
#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/graph/operator.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Integers = std::vector<int64_t>;

[[noreturn]] void refuse(const Node& node, const std::string& what) {
  throw Error(describe(node), what + " has no equal in opset " +
                                  std::to_string(graph::canonical_opset) + " and isn't supported");
}

size_t known_rank(const Rewriter& rewriter, const Node& node) {
  if (const auto rank = rewriter.rank(node.inputs[0])) return *rank;
  refuse(node, "input 'axes' on a value of unknown rank");
}

/// The axes counted from the front; throws Error for one that doesn't exist or comes twice.
std::vector<size_t> normalized(const Node& node, const Integers& axes, size_t rank) {
  std::vector<size_t> result;
  for (const int64_t axis : axes) {
    const int64_t from_front = axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
    const auto index = static_cast<size_t>(from_front);
    if (from_front < 0 || index >= rank || std::count(result.begin(), result.end(), index)) {
      throw Error(describe(node),
                  "axis " + std::to_string(axis) + " is wrong for rank " + std::to_string(rank));
    }
    result.push_back(index);
  }
  return result;
}

void rename(Rewriter& rewriter, const Node& node, const char* op) {
  rewriter.emit({node.name, op, "", node.inputs, node.outputs, {}});
}

/// Reductions take their axes from an input since opset 18; only ReduceSum does so before.
void reduce(Rewriter& rewriter, Node node) {
  const bool noop = take<int64_t>(node, "noop_with_empty_axes").value_or(0) != 0;
  Integers axes;
  if (!input_or_none(node, 1).empty()) axes = rewriter.integers(node, 1, "axes");
  node.inputs.resize(1);
  if (axes.empty() && noop) {
    // What is done to each element is done to sets of one.
    if (node.op == "ReduceL1" || node.op == "ReduceL2") return rename(rewriter, node, "Abs");
    if (node.op == "ReduceLogSum") return rename(rewriter, node, "Log");
    if (node.op == "ReduceSumSquare") {
      return rewriter.emit(
          {node.name, "Mul", "", {node.inputs[0], node.inputs[0]}, node.outputs, {}});
    }
    return rename(rewriter, node, "Identity");
  }
  if (!axes.empty()) node.attributes["axes"] = axes;
  rewriter.emit(std::move(node));
}

void split(Rewriter& rewriter, Node node) {
  const auto parts = take<int64_t>(node, "num_outputs");
  if (parts && *parts != static_cast<int64_t>(node.outputs.size())) {
    throw Error(describe(node), "num_outputs is " + std::to_string(*parts) + " but it has " +
                                    std::to_string(node.outputs.size()) + " outputs");
  }
  rewriter.emit(std::move(node));
}

void pad(Rewriter& rewriter, Node node) {
  if (input_or_none(node, 3).empty()) return rewriter.emit(std::move(node));
  const size_t rank = known_rank(rewriter, node);
  const auto axes = normalized(node, rewriter.integers(node, 3, "axes"), rank);
  const Integers pads = rewriter.integers(node, 1, "pads");
  if (pads.size() != 2 * axes.size()) throw Error(describe(node), "pads and axes don't match");
  Integers all(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    all[axes[i]] = pads[i];
    all[axes[i] + rank] = pads[i + axes.size()];
  }
  node.inputs.resize(3);
  node.inputs[1] = rewriter.add_integers(stem(node, "pads"), all);
  if (node.inputs[2].empty()) node.inputs.pop_back();
  rewriter.emit(std::move(node));
}

/// Sizes of the listed axes only become sizes of all, by the shape itself.
void spread_sizes(Rewriter& rewriter, Node& node, const Integers& given) {
  const std::string shape = rewriter.fresh(stem(node, "shape"));
  const std::string sizes = rewriter.fresh(stem(node, "sizes"));
  const std::string axes = rewriter.add_integers(stem(node, "axes"), given);
  rewriter.emit({"", "Shape", "", {node.inputs[0]}, {shape}, {}});
  rewriter.emit({"", "ScatterElements", "", {shape, axes, node.inputs[3]}, {sizes}, {}});
  node.inputs[3] = sizes;
}

/// Scales of the listed axes only become scales of all; false where they aren't known ahead.
bool spread_scales(Rewriter& rewriter, Node& node, const Integers& given) {
  const auto rank = rewriter.rank(node.inputs[0]);
  const Tensor* scales = rewriter.constant(input_or_none(node, 2));
  if (!rank || scales == nullptr || scales->dtype() != DType::f32) return false;
  const auto axes = normalized(node, given, *rank);
  const auto values = scales->data<float>();
  if (values.size() != axes.size()) throw Error(describe(node), "scales and axes don't match");
  std::vector<float> all(*rank, 1.0f);
  for (size_t i = 0; i < axes.size(); ++i) all[axes[i]] = values[i];
  const Tensor spread = Tensor::from<float>({static_cast<int64_t>(*rank)}, all);
  node.inputs[2] = rewriter.add_constant(stem(node, "scales"), spread);
  return true;
}

/// What says the default is dropped and axes are spread where they can be: kernels know the plain
/// form.
void resize(Rewriter& rewriter, Node node) {
  if (node.get("antialias", int64_t{0}) == 0) node.attributes.erase("antialias");
  const bool stretches = node.get("keep_aspect_ratio_policy", "stretch") == "stretch";
  if (stretches) node.attributes.erase("keep_aspect_ratio_policy");
  const bool crops = node.get("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  if (stretches && !crops && node.has("axes")) {
    const Integers axes = node.get("axes", Integers{});
    bool spread = true;
    if (input_or_none(node, 3).empty()) {
      spread = spread_scales(rewriter, node, axes);
    } else {
      spread_sizes(rewriter, node, axes);
    }
    if (spread) node.attributes.erase("axes");
  }
  rewriter.emit(std::move(node));
}

void cast(Rewriter& rewriter, Node node) {
  node.attributes.erase("saturate");  // concerns 8 bit floats only
  rewriter.emit(std::move(node));
}

/// Input `input`, which has one number for each block of `block` elements along `axis`, with one
/// for each element of input 0.
std::string each_element(Formula& f, const Node& node, size_t input, int64_t axis, int64_t block) {
  Formula::Attributes range = {{"start", axis}};
  if (axis != -1) range["end"] = axis + 1;
  const auto zero = f.integers("zero", {0});
  const auto count = f.apply("Shape", {required(node, 0)}, range);
  const auto place = [&](const std::string& vector) { return f.apply("Squeeze", {vector, zero}); };
  const auto elements =
      f.apply("Range", {place(zero), place(count), place(f.integers("one", {1}))});
  const auto blocks = f.apply("Div", {elements, f.integers("block", {block})});
  return f.apply("Gather", {required(node, input), blocks}, {{"axis", axis}});
}

int64_t block_of(Node& node) {
  const int64_t block = take<int64_t>(node, "block_size").value_or(0);
  const int64_t axis = node.get("axis", int64_t{1});
  constexpr auto most = static_cast<int64_t>(graph::max_rank);
  if (block > 0 && (axis < -most || axis >= most)) {
    throw Error(describe(node), "axis is " + std::to_string(axis), "an axis of its input");
  }
  if (block < 0) throw Error(describe(node), "block_size is " + std::to_string(block), "0 or more");
  return block;
}

/// With blocks (21) it is written out: so that what is constant becomes so, as no kernel reads
/// them.
void dequantize(Rewriter& rewriter, Node node) {
  const int64_t block = block_of(node);
  if (block == 0) return rewriter.emit(std::move(node));
  Formula f(rewriter, node);
  const int64_t axis = node.get("axis", int64_t{1});
  const Formula::Attributes to_float = {{"to", int64_t{1}}};
  auto value = f.apply("Cast", {required(node, 0)}, to_float);
  if (!input_or_none(node, 2).empty()) {
    const auto zero = each_element(f, node, 2, axis, block);
    value = f.apply("Sub", {value, f.apply("Cast", {zero}, to_float)});
  }
  f.finish("Mul", {value, each_element(f, node, 1, axis, block)});
}

/// Opset 21 may give the type of the output by number instead of by a zero point.
void type_to_zero_point(Rewriter& rewriter, Node& node) {
  const int64_t type = take<int64_t>(node, "output_dtype").value_or(0);
  if (type == 0 || !input_or_none(node, 2).empty()) return;
  const Tensor* scale = rewriter.constant(input_or_none(node, 1));
  if (scale == nullptr || type < 2 || type > 5) refuse(node, "attribute 'output_dtype'");
  constexpr DType types[] = {DType::u8, DType::i8, DType::u16, DType::i16};
  const Tensor zero(types[type - 2], scale->shape());
  set_input(node, 2, rewriter.add_constant(stem(node, "zero_point"), zero));
}

/// Blocks become one scale for each element of a line, which the operator had before them.
void quantize(Rewriter& rewriter, Node node) {
  const int64_t block = block_of(node);
  node.attributes.erase("saturate");
  type_to_zero_point(rewriter, node);
  if (block == 0) return rewriter.emit(std::move(node));
  Formula f(rewriter, node);
  const int64_t axis = node.get("axis", int64_t{1});
  const auto line = f.integers("line", {-1});
  Formula::Names inputs = {f.apply("Reshape", {required(node, 0), line})};
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    inputs.push_back(f.apply("Reshape", {each_element(f, node, i, axis, block), line}));
  }
  const auto quantized = f.apply("QuantizeLinear", inputs, {{"axis", int64_t{0}}});
  f.finish("Reshape", {quantized, f.apply("Shape", {node.inputs[0]})});
}

void gelu(Rewriter& rewriter, Node node) {
  const std::string form = node.get("approximate", "none");
  if (form != "none" && form != "tanh") refuse(node, "approximate '" + form + "'");
  Formula f(rewriter, node);
  form == "tanh" ? f.finish_tanh_gelu(node.inputs[0]) : f.finish_gelu(node.inputs[0]);
}

/// Opset 20 names the modes as Resize does.
void grid_sample(Rewriter& rewriter, Node node) {
  const std::string mode = node.get("mode", "linear");
  node.attributes["mode"] = mode == "linear" ? "bilinear" : mode == "cubic" ? "bicubic" : mode;
  rewriter.emit(std::move(node));
}

/// Since opset 20 the axis is an input, and the last but one without it.
void dft(Rewriter& rewriter, Node node) {
  int64_t axis = -2;
  if (!input_or_none(node, 2).empty()) {
    const std::vector<int64_t> given = rewriter.integers(node, 2, "axes");
    if (given.size() != 1) throw Error(describe(node), "has no axis", "one number");
    axis = given[0];
  }
  if (node.inputs.size() > 2) node.inputs.resize(2);
  if (node.inputs.size() == 2 && node.inputs[1].empty()) node.inputs.pop_back();
  node.attributes["axis"] = axis;
  rewriter.emit(std::move(node));
}

/// x tanh(softplus x)
void mish(Rewriter& rewriter, Node node) {
  Formula f(rewriter, node);
  const std::string x = node.inputs[0];
  f.finish("Mul", {x, f.apply("Tanh", {f.apply("Softplus", {x})})});
}

/// Until opset 20 scale and bias were per group; each becomes one of all the group's channels.
void group_normalization(Rewriter& rewriter, Node node) {
  const int64_t groups = node.get("num_groups", int64_t{0});
  // Refused where types are inferred.
  if (groups <= 0 || node.inputs.size() < 3) return rewriter.emit(std::move(node));
  const std::string channels = rewriter.fresh(stem(node, "channels"));
  const std::string each = rewriter.fresh(stem(node, "each"));
  const std::string shape = rewriter.fresh(stem(node, "shape"));
  const std::string count = rewriter.add_integers(stem(node, "groups"), {groups});
  rewriter.emit({"",
                 "Shape",
                 "",
                 {node.inputs[0]},
                 {channels},
                 {{"start", int64_t{1}}, {"end", int64_t{2}}}});
  rewriter.emit({"", "Div", "", {channels, count}, {each}, {}});
  rewriter.emit({"", "Concat", "", {count, each}, {shape}, {{"axis", int64_t{0}}}});
  for (const size_t input : {size_t{1}, size_t{2}}) {
    const std::string column = rewriter.fresh(stem(node, "column"));
    const std::string spread = rewriter.fresh(stem(node, "spread"));
    const std::string flat = rewriter.fresh(stem(node, "flat"));
    const std::string to_column = rewriter.add_integers(stem(node, "to_column"), {groups, 1});
    const std::string to_line = rewriter.add_integers(stem(node, "to_line"), {-1});
    rewriter.emit({"", "Reshape", "", {node.inputs[input], to_column}, {column}, {}});
    rewriter.emit({"", "Expand", "", {column, shape}, {spread}, {}});
    rewriter.emit({"", "Reshape", "", {spread, to_line}, {flat}, {}});
    node.inputs[input] = flat;
  }
  rewriter.emit(std::move(node));
}

constexpr int newest = 21;
constexpr RuleEntry rules[] = {
    {"ReduceMean", 18, newest, reduce},
    {"ReduceMax", 18, newest, reduce},
    {"ReduceMin", 18, newest, reduce},
    {"ReduceProd", 18, newest, reduce},
    {"ReduceL1", 18, newest, reduce},
    {"ReduceL2", 18, newest, reduce},
    {"ReduceLogSum", 18, newest, reduce},
    {"ReduceLogSumExp", 18, newest, reduce},
    {"ReduceSumSquare", 18, newest, reduce},
    {"Split", 18, newest, split},
    {"Pad", 18, newest, pad},
    {"Resize", 18, newest, resize},
    {"Cast", 19, newest, cast},
    {"CastLike", 19, newest, cast},
    {"QuantizeLinear", 19, newest, quantize},
    {"DequantizeLinear", 19, newest, dequantize},
    {"GroupNormalization", 18, 20, group_normalization},
    {"Gelu", 20, newest, gelu},
    {"DFT", 20, newest, dft},
    {"GridSample", 20, newest, grid_sample},
    {"Mish", 18, newest, mish},
};

}  // namespace

std::span<const RuleEntry> newer_forms() { return rules; }

}  // namespace betimes::import::detail
