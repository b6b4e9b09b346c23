// Forms of operators before graph::canonical_opset. Where ONNX moved an attribute to an input, the
// attribute becomes a constant; where a default changed, the old one is written out.
#include <algorithm>
#include <set>

#include "betimes/base/error.h"
#include "betimes/import/detail/onnx_rewrite.h"

namespace betimes::import::detail {
namespace {

using graph::Node;
using Integers = std::vector<int64_t>;

/// Turns an attribute of integers into input `index`.
void integers_to_input(Rewriter& rewriter, Node& node, const char* key, size_t index) {
  if (const auto values = take<Integers>(node, key)) {
    set_input(node, index, rewriter.add_integers(stem(node, key), *values));
  }
}

void real_to_input(Rewriter& rewriter, Node& node, const char* key, size_t index) {
  if (const auto value = take<float>(node, key)) {
    set_input(node, index, rewriter.add_constant(stem(node, key), Tensor::scalar(*value)));
  }
}

Integers required_integers(const Node& node, const char* key) {
  if (!node.has(key)) throw Error(describe(node), std::string("has no attribute '") + key + "'");
  return node.get(key, Integers{});
}

void clip(Rewriter& rewriter, Node node) {
  real_to_input(rewriter, node, "min", 1);
  real_to_input(rewriter, node, "max", 2);
  rewriter.emit(std::move(node));
}

/// Before opset 13 the default axis was 1.
void softmax(Rewriter& rewriter, Node node) {
  if (!node.has("axis")) node.attributes["axis"] = int64_t{1};
  emit_flat_softmax(rewriter, std::move(node));
}

void axes_to_input(Rewriter& rewriter, Node node) {
  if (node.op == "Unsqueeze") required_integers(node, "axes");
  integers_to_input(rewriter, node, "axes", 1);
  rewriter.emit(std::move(node));
}

void split(Rewriter& rewriter, Node node) {
  integers_to_input(rewriter, node, "split", 1);
  rewriter.emit(std::move(node));
}

void slice(Rewriter& rewriter, Node node) {
  required_integers(node, "starts");
  required_integers(node, "ends");
  integers_to_input(rewriter, node, "starts", 1);
  integers_to_input(rewriter, node, "ends", 2);
  integers_to_input(rewriter, node, "axes", 3);
  rewriter.emit(std::move(node));
}

void pad(Rewriter& rewriter, Node node) {
  required_integers(node, "pads");
  integers_to_input(rewriter, node, "pads", 1);
  real_to_input(rewriter, node, "value", 2);
  rewriter.emit(std::move(node));
}

void top_k(Rewriter& rewriter, Node node) {
  if (!node.has("k")) throw Error(describe(node), "has no attribute 'k'");
  const int64_t k = take<int64_t>(node, "k").value_or(0);
  set_input(node, 1, rewriter.add_integers(stem(node, "k"), {k}));
  rewriter.emit(std::move(node));
}

/// The nearest pixel before opset 11: below when growing, above when shrinking. The specification
/// left it open; this is what its test cases and ONNX Runtime agree on.
std::string old_nearest_mode(const Node& node, const Tensor* scales) {
  if (scales == nullptr || scales->dtype() != DType::f32) return "floor";
  const auto data = scales->data<float>();
  const bool grows = std::any_of(data.begin(), data.end(), [](float s) { return s > 1; });
  const bool shrinks = std::any_of(data.begin(), data.end(), [](float s) { return s < 1; });
  if (grows && shrinks) {
    throw Error(describe(node), "grows one axis and shrinks another, which this opset leaves open",
                "opset 11 or newer");
  }
  return shrinks ? "ceil" : "floor";
}

void resize_of(Rewriter& rewriter, Node node) {
  const std::string scales = node.inputs[1];
  const std::string mode = node.get("mode", "nearest");
  if (mode != "nearest" && mode != "linear") {
    throw Error(describe(node), "mode '" + mode + "' isn't supported", "nearest or linear");
  }
  node.op = "Resize";
  node.inputs = {node.inputs[0], "", scales};
  node.attributes["mode"] = mode;
  node.attributes["coordinate_transformation_mode"] = "asymmetric";
  if (mode == "nearest") {
    node.attributes["nearest_mode"] = old_nearest_mode(node, rewriter.constant(scales));
  }
  rewriter.emit(std::move(node));
}

/// Upsample, and Resize before opset 11: output pixel x comes from x / scale.
void upsample(Rewriter& rewriter, Node node) {
  if (const auto scales = take<std::vector<float>>(node, "scales")) {
    const Tensor value = Tensor::from<float>({static_cast<int64_t>(scales->size())}, *scales);
    set_input(node, 1, rewriter.add_constant(stem(node, "scales"), value));
  }
  if (input_or_none(node, 1).empty()) throw Error(describe(node), "has no scales");
  resize_of(rewriter, std::move(node));
}

/// Opsets 11 and 12 write "absent" as an empty tensor; only later ones allow an absent input.
void resize(Rewriter& rewriter, Node node) {
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* value = rewriter.constant(node.inputs[i]);
    if (value && value->size() == 0) node.inputs[i].clear();
  }
  while (node.inputs.size() > 1 && node.inputs.back().empty()) node.inputs.pop_back();
  rewriter.emit(std::move(node));
}

/// Before opset 12 Dropout was told its ratio by an attribute and never trained.
void dropout(Rewriter& rewriter, Node node) {
  node.attributes.erase("ratio");
  if (node.outputs.size() > 1 && !rewriter.is_read(node.outputs[1])) node.outputs.resize(1);
  if (node.outputs.size() > 1 && rewriter.opset() < 10) {
    throw Error(describe(node), "its mask is read; before opset 10 that isn't supported");
  }
  rewriter.emit(std::move(node));
}

void batch_normalization(Rewriter& rewriter, Node node) {
  if (take<int64_t>(node, "spatial").value_or(1) != 1) {
    throw Error(describe(node), "spatial=0 isn't supported", "statistics per channel");
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty() && rewriter.is_read(node.outputs[i])) {
      throw Error(describe(node), "its training output '" + node.outputs[i] + "' is read");
    }
  }
  node.outputs.resize(1);
  rewriter.emit(std::move(node));
}

void scatter(Rewriter& rewriter, Node node) {
  node.op = "ScatterElements";
  rewriter.emit(std::move(node));
}

/// Before opset 16 regions weren't moved by half a pixel.
void roi_align(Rewriter& rewriter, Node node) {
  node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
  rewriter.emit(std::move(node));
}

/// Opset 8 walked along axis 1 of each example of a batch: a Scan over the batch, of one over each
/// example.
void scan(Rewriter& rewriter, Node node) {
  if (!node.inputs[0].empty()) {
    throw Error(describe(node), "input 'sequence_lens' isn't supported", "sequences of one length");
  }
  node.inputs.erase(node.inputs.begin());
  const size_t results = node.body("body").outputs.size();
  const int64_t captures = node.get("captures", int64_t{0});
  const auto count = static_cast<int64_t>(node.inputs.size());
  if (captures < 0 || captures > count) throw Error(describe(node), "has too few inputs");
  Node each{node.name, "Scan", "", {}, {}, node.attributes};
  if (const auto directions = take<Integers>(each, "directions")) {
    each.attributes["scan_input_directions"] = *directions;
  }
  // Captures keep their names, as they do in files; the others have names beside these.
  std::set<std::string> taken(node.inputs.end() - captures, node.inputs.end());
  const auto named = [&](std::string name) {
    while (!taken.insert(name).second) name += "_";
    return graph::ValueInfo{std::move(name), DType::f32, std::nullopt};
  };
  graph::Graph example;
  example.name = "example";
  for (int64_t i = 0; i < count; ++i) {
    const std::string& outer = node.inputs[static_cast<size_t>(i)];
    example.inputs.push_back(i < count - captures
                                 ? named("in_" + std::to_string(i))
                                 : graph::ValueInfo{outer, DType::f32, std::nullopt});
    each.inputs.push_back(example.inputs.back().name);
  }
  for (size_t i = 0; i < results; ++i) {
    example.outputs.push_back(named("out_" + std::to_string(i)));
    each.outputs.push_back(example.outputs.back().name);
  }
  example.nodes.push_back(std::move(each));
  validate(example);
  node.attributes = {{"body", std::make_shared<const graph::Graph>(std::move(example))},
                     {"captures", captures},
                     {"num_scan_inputs", count - captures}};
  rewriter.emit(std::move(node));
}

constexpr RuleEntry rules[] = {
    {"Clip", 7, 10, clip},
    {"Softmax", 7, 12, softmax},
    {"LogSoftmax", 7, 12, softmax},
    {"Hardmax", 7, 12, softmax},
    {"Squeeze", 7, 12, axes_to_input},
    {"Unsqueeze", 7, 12, axes_to_input},
    {"ReduceSum", 7, 12, axes_to_input},
    {"Split", 7, 12, split},
    {"Slice", 7, 9, slice},
    {"Pad", 7, 10, pad},
    {"TopK", 7, 9, top_k},
    {"Upsample", 7, 9, upsample},
    {"Resize", 10, 10, upsample},
    {"Resize", 11, 12, resize},
    {"Dropout", 7, 11, dropout},
    {"BatchNormalization", 7, 13, batch_normalization},
    {"Scan", 8, 8, scan},
    {"Scatter", 7, 10, scatter},
    {"RoiAlign", 10, 15, roi_align},
};

}  // namespace

std::span<const RuleEntry> older_forms() { return rules; }

void emit_flat_softmax(Rewriter& rewriter, Node node) {
  const int64_t axis = node.get("axis", int64_t{-1});
  const auto rank = rewriter.rank(node.inputs[0]);
  const bool last = axis == -1 || (rank && axis == static_cast<int64_t>(*rank) - 1);
  if (last) {
    node.attributes["axis"] = int64_t{-1};
    return rewriter.emit(std::move(node));
  }
  const std::string shape = rewriter.fresh(stem(node, "shape"));
  const std::string flat = rewriter.fresh(stem(node, "flat"));
  const std::string result = rewriter.fresh(stem(node, "rows"));
  rewriter.emit({"", "Shape", "", {node.inputs[0]}, {shape}, {}});
  rewriter.emit({"", "Flatten", "", {node.inputs[0]}, {flat}, {{"axis", axis}}});
  const std::string output = node.outputs[0];
  node.inputs[0] = flat;
  node.outputs[0] = result;
  node.attributes["axis"] = int64_t{-1};
  rewriter.emit(std::move(node));
  rewriter.emit({"", "Reshape", "", {result, shape}, {output}, {}});
}

}  // namespace betimes::import::detail
