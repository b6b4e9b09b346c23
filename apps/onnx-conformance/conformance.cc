#include "apps/onnx-conformance/conformance.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/onnx.h"
#include "betimes/runtime/dynamic_session.h"

namespace betimes::conformance {
namespace {

namespace fs = std::filesystem;

/// Sequences, optionals, strings and training: what Betimes leaves to others.
const std::set<std::string> foreign_operators = {
    "ConcatFromSequence", "Optional",          "OptionalGetElement", "OptionalHasElement",
    "SequenceAt",         "SequenceConstruct", "SequenceEmpty",      "SequenceErase",
    "SequenceInsert",     "SequenceLength",    "SequenceMap",        "SplitToSequence",
    "StringNormalizer",   "StringConcat",      "StringSplit",        "RegexFullMatch"};

std::string foreign_type(const onnx::ValueInfoProto& value) {
  if (!value.has_type() || value.type().value_case() == onnx::TypeProto::VALUE_NOT_SET) return {};
  if (!value.type().has_tensor_type()) return value.name() + " is a sequence, map or optional";
  if (value.type().tensor_type().elem_type() == onnx::TensorProto::STRING) {
    return value.name() + " holds strings";
  }
  return {};
}

/// What was recorded of these is what someone else drew.
const std::set<std::string> random_operators = {"Bernoulli",     "Multinomial",
                                                "RandomNormal",  "RandomNormalLike",
                                                "RandomUniform", "RandomUniformLike"};

bool draws_numbers(const onnx::GraphProto& graph) {
  return std::any_of(graph.node().begin(), graph.node().end(), [](const onnx::NodeProto& node) {
    return random_operators.contains(node.op_type());
  });
}

/// Parts of the runtime's refusals that say that a case isn't for Betimes.
constexpr std::array foreign_refusals = {"goes on as long as its data say",
                                         "training_mode isn't supported"};

/// Why a graph isn't for Betimes, or "".
std::string foreign_part(const onnx::GraphProto& graph) {
  for (const auto* values : {&graph.input(), &graph.output()}) {
    for (const auto& value : *values) {
      if (std::string reason = foreign_type(value); !reason.empty()) return reason;
    }
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    if (tensor.data_type() == onnx::TensorProto::STRING) return tensor.name() + " holds strings";
  }
  for (const onnx::NodeProto& node : graph.node()) {
    if (foreign_operators.contains(node.op_type())) return "operator " + node.op_type();
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (!attribute.has_g()) continue;
      if (std::string reason = foreign_part(attribute.g()); !reason.empty()) return reason;
    }
  }
  return {};
}

std::string foreign_opset(const onnx::ModelProto& model) {
  for (const auto& entry : model.opset_import()) {
    if (entry.domain() == "ai.onnx.preview.training") return "training";
    const bool standard = entry.domain().empty() || entry.domain() == "ai.onnx";
    if (standard && entry.version() < import::oldest_opset) {
      return "opset " + std::to_string(entry.version());
    }
  }
  return {};
}

onnx::ModelProto read_proto(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path.string());
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(path.string(), "isn't an ONNX model");
  }
  return model;
}

/// The files keep bfloat16 as uint16.
Tensor as_declared(const Tensor& stored, DType declared) {
  if (declared != DType::bf16 || stored.dtype() != DType::u16) return stored;
  Tensor tensor(DType::bf16, stored.shape());
  std::memcpy(tensor.mutable_raw(), stored.raw(), stored.bytes());
  return tensor;
}

std::vector<Tensor> read_all(const fs::path& folder, const std::string& stem) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const fs::path path = folder / (stem + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) return tensors;
    tensors.push_back(import::read_onnx_tensor(path.string()));
  }
}

/// What differs, or "".
std::string difference(const Tensor& expected, const Tensor& found, const Options& options) {
  if (expected.type() != found.type()) {
    return "is " + to_string(found.type()) + " instead of " + to_string(expected.type());
  }
  const Tensor wide_expected = expected.cast(DType::f64);
  const Tensor wide_found = found.cast(DType::f64);
  const auto a = wide_expected.data<double>();
  const auto b = wide_found.data<double>();
  const bool half = expected.dtype() == DType::f16 || expected.dtype() == DType::bf16;
  const double relative =
      half ? std::max(1e-2, options.relative_tolerance) : options.relative_tolerance;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::fabs(a[i] - b[i]) <= options.absolute_tolerance + relative * std::fabs(a[i])) continue;
    return "has element " + std::to_string(i) + " = " + std::to_string(b[i]) + " instead of " +
           std::to_string(a[i]);
  }
  return {};
}

std::vector<fs::path> data_sets(const fs::path& folder) {
  std::vector<fs::path> sets;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool named = entry.path().filename().string().starts_with("test_data_set_");
    if (named && entry.is_directory()) sets.push_back(entry.path());
  }
  std::sort(sets.begin(), sets.end());
  return sets;
}

/// What goes wrong with one data set, or "". Of drawn numbers only type and shape are compared.
std::string run_set(const graph::Graph& graph, runtime::DynamicSession& session,
                    const fs::path& set, bool drawn, const Options& options) {
  const std::vector<Tensor> given = read_all(set, "input");
  const std::vector<Tensor> expected = read_all(set, "output");
  if (given.size() != graph.inputs.size()) {
    return "has " + std::to_string(given.size()) + " inputs for a model of " +
           std::to_string(graph.inputs.size());
  }
  if (expected.size() > graph.outputs.size()) return "has more outputs than the model";
  std::map<std::string, Tensor> inputs;
  for (size_t i = 0; i < given.size(); ++i) {
    inputs[graph.inputs[i].name] = as_declared(given[i], graph.inputs[i].dtype);
  }
  const auto found = options.reference ? graph::evaluate(graph, inputs) : session.run(inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    const Tensor& result = found.at(name);
    const Tensor wanted =
        drawn ? Tensor(expected[i].type()) : as_declared(expected[i], result.dtype());
    const std::string why = difference(wanted, drawn ? Tensor(result.type()) : result, options);
    if (!why.empty()) return "output " + name + " " + why;
  }
  return {};
}

void run_model(const fs::path& folder, const Options& options, Case& result) {
  const fs::path path = folder / "model.onnx";
  const onnx::ModelProto proto = read_proto(path);
  if (proto.graph().node_size() == 1) result.op = proto.graph().node(0).op_type();
  result.reason = foreign_opset(proto);
  if (result.reason.empty()) result.reason = foreign_part(proto.graph());
  if (!result.reason.empty()) {
    result.verdict = Verdict::out_of_scope;
    return;
  }
  const graph::Graph graph = import::read_onnx(path.string());
  runtime::DynamicOptions dynamic;
  dynamic.compile.threads = options.threads;
  runtime::DynamicSession session(graph, dynamic);
  const bool drawn = draws_numbers(proto.graph());
  for (const fs::path& set : data_sets(folder)) {
    const std::string why = run_set(graph, session, set, drawn, options);
    if (why.empty()) continue;
    result.reason = set.filename().string() + ": " + why;
    return;
  }
  result.verdict = Verdict::passed;
}

}  // namespace

std::vector<fs::path> find_cases(const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> found;
  if (fs::exists(folder / "model.onnx", failed)) found.push_back(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder, failed)) {
    if (entry.path().filename() != "model.onnx") continue;
    const fs::path parent = entry.path().parent_path();
    if (parent != folder && !data_sets(parent).empty()) found.push_back(parent);
  }
  if (found.empty()) {
    throw Error(folder.string(), "has no test cases",
                "folders with a model.onnx and test_data_set_* folders");
  }
  std::sort(found.begin(), found.end());
  return found;
}

Case run_case(const fs::path& folder, const Options& options) {
  Case result;
  const fs::path whole = fs::absolute(folder).lexically_normal();
  result.name = whole.filename().string();
  result.suite = whole.parent_path().filename().string();
  try {
    run_model(folder, options, result);
  } catch (const Error& error) {
    result.reason = error.what();
    for (const char* refusal : foreign_refusals) {
      if (result.reason.find(refusal) != std::string::npos) result.verdict = Verdict::out_of_scope;
    }
  } catch (const std::exception& error) {
    result.reason = std::string("internal error: ") + error.what();
  }
  return result;
}

}  // namespace betimes::conformance
