// Forms of operators after graph::canonical_opset: written in the canonical one where that says the
// same, refused by name where it can't.
#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Integers = std::vector<int64_t>;

[[noreturn]] void refuse(const Node& node, const std::string& what) {
  throw Error(describe(node), what + " has no equal in opset " +
                                  std::to_string(graph::canonical_opset) + " and isn't supported");
}

void drop_if(Node& node, const char* key, int64_t harmless) {
  if (take<int64_t>(node, key).value_or(harmless) != harmless) {
    refuse(node, std::string("attribute '") + key + "'");
  }
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

void dequantize(Rewriter& rewriter, Node node) {
  drop_if(node, "block_size", 0);
  rewriter.emit(std::move(node));
}

/// Opset 21 may give the type of the output by number instead of by a zero point.
void quantize(Rewriter& rewriter, Node node) {
  drop_if(node, "block_size", 0);
  node.attributes.erase("saturate");
  const int64_t type = take<int64_t>(node, "output_dtype").value_or(0);
  if (type == 0 || !input_or_none(node, 2).empty()) return rewriter.emit(std::move(node));
  const Tensor* scale = rewriter.constant(input_or_none(node, 1));
  if (scale == nullptr || type < 2 || type > 5) refuse(node, "attribute 'output_dtype'");
  constexpr DType types[] = {DType::u8, DType::i8, DType::u16, DType::i16};
  const Tensor zero(types[type - 2], scale->shape());
  set_input(node, 2, rewriter.add_constant(stem(node, "zero_point"), zero));
  rewriter.emit(std::move(node));
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
