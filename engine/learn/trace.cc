#include "betimes/learn/trace.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <cstring>

#include "betimes/base/error.h"
#include "betimes/learn/detail/lowering.h"
#include "betimes/learn/detail/trace_function.h"
#include "betimes/runtime/session.h"

namespace betimes::learn {
namespace {

namespace jit = torch::jit;

/// Evaluation mode and constant parameters while it lives: the tracer refuses to record a constant
/// that wants a gradient.
class Frozen {
 public:
  explicit Frozen(torch::nn::Module& module) : module_(module), training_(module.is_training()) {
    for (at::Tensor& parameter : module.parameters()) {
      if (!parameter.requires_grad()) continue;
      parameter.requires_grad_(false);
      learned_.push_back(parameter);
    }
    module_.eval();
  }
  ~Frozen() {
    for (at::Tensor& parameter : learned_) parameter.requires_grad_(true);
    module_.train(training_);
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  torch::nn::Module& module_;
  bool training_;
  std::vector<at::Tensor> learned_;
};

/// LibTorch warns of writes into shared memory, most of them harmless; verify() finds those that
/// aren't.
class Silence : public c10::WarningHandler {
 public:
  void process(const c10::SourceLocation&, const std::string&, bool) override {}
};

std::shared_ptr<jit::Graph> record(const Forward& forward,
                                   const std::vector<at::Tensor>& examples) {
  const auto run = [&](jit::Stack inputs) -> jit::Stack {
    std::vector<at::Tensor> tensors;
    for (const auto& input : inputs) tensors.push_back(input.toTensor());
    jit::Stack outputs;
    for (const at::Tensor& output : forward(tensors)) outputs.emplace_back(output);
    return outputs;
  };
  Silence silence;
  const c10::Warning::WarningHandlerGuard silent(&silence);
  const auto no_names = [](const at::Tensor&) { return std::string(); };
  const auto traced = jit::tracer::trace(jit::Stack(examples.begin(), examples.end()), run,
                                         no_names, /*strict=*/true, /*force_outplace=*/true);
  std::shared_ptr<jit::Graph> graph = traced.first->graph;
  jit::Inline(*graph);
  jit::ConstantPropagation(graph);
  jit::EliminateDeadCode(graph);
  return graph;
}

std::string numbered(const std::vector<std::string>& names, const std::string& stem, size_t i) {
  if (i < names.size()) return names[i];
  return i == 0 ? stem : stem + "_" + std::to_string(i);
}

DType to_dtype(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return DType::f32;
    case at::kDouble:
      return DType::f64;
    case at::kHalf:
      return DType::f16;
    case at::kBFloat16:
      return DType::bf16;
    case at::kChar:
      return DType::i8;
    case at::kByte:
      return DType::u8;
    case at::kShort:
      return DType::i16;
    case at::kInt:
      return DType::i32;
    case at::kLong:
      return DType::i64;
    case at::kBool:
      return DType::boolean;
    default:
      throw Error("LibTorch tensor", std::string("has element type ") + at::toString(type));
  }
}

at::ScalarType to_scalar_type(DType type) {
  switch (type) {
    case DType::f32:
      return at::kFloat;
    case DType::f64:
      return at::kDouble;
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    case DType::i8:
      return at::kChar;
    case DType::u8:
      return at::kByte;
    case DType::i16:
      return at::kShort;
    case DType::i32:
      return at::kInt;
    case DType::i64:
      return at::kLong;
    case DType::boolean:
      return at::kBool;
    default:
      throw Error("tensor",
                  "has element type " + std::string(name(type)) + ", which LibTorch lacks");
  }
}

/// The examples with one more, a copy of the first; empty where the batch is fixed.
struct Batch {
  std::vector<int64_t> axes;  // of each input, -1: none
  int64_t extent = 0;
  std::vector<at::Tensor> larger;
};

int64_t batch_axis(const std::vector<at::Tensor>& examples, size_t i, const TraceOptions& options) {
  const int64_t rank = examples[i].dim();
  if (i < options.batch_axes.size()) {
    const int64_t axis = options.batch_axes[i];
    if (axis >= rank) {
      throw Error("batch_axes", "name axis " + std::to_string(axis) + " of input " +
                                    std::to_string(i) + ", which has " + std::to_string(rank));
    }
    return axis;
  }
  if (rank == 0 || examples[0].dim() == 0) return -1;
  const bool first_follows = options.batch_axes.empty() || options.batch_axes[0] >= 0;
  const int64_t first = options.batch_axes.empty() ? 0 : options.batch_axes[0];
  return first_follows && examples[i].size(0) == examples[0].size(first) ? 0 : -1;
}

Batch find_batch(const std::vector<at::Tensor>& examples, const TraceOptions& options) {
  Batch batch;
  if (options.batch.empty()) return batch;
  for (size_t i = 0; i < examples.size(); ++i) {
    const int64_t axis = batch_axis(examples, i, options);
    batch.axes.push_back(axis);
    if (axis < 0) {
      batch.larger.push_back(examples[i]);
      continue;
    }
    if (examples[i].size(axis) == 0) throw Error("trace", "needs at least one example");
    if (batch.extent != 0 && examples[i].size(axis) != batch.extent) {
      throw Error("trace",
                  "input " + std::to_string(i) + " has another batch size than those before",
                  "TraceOptions::batch_axes that fit");
    }
    batch.extent = examples[i].size(axis);
    batch.larger.push_back(at::cat({examples[i], examples[i].narrow(axis, 0, 1)}, axis));
  }
  if (batch.extent == 0) batch.larger.clear();  // nothing follows it
  return batch;
}

/// Like the tensor; where `larger` (the same value for one more example) has another extent, open.
graph::ValueInfo describe(const std::string& name, const at::Tensor& value,
                          const at::Tensor& larger, const Batch& batch, const std::string& symbol) {
  std::vector<graph::Dim> dims;
  for (int64_t i = 0; i < value.dim(); ++i) {
    const int64_t extent = value.size(i);
    if (extent == larger.size(i)) {
      dims.push_back({extent, {}});
    } else if (extent == batch.extent && larger.size(i) == extent + 1) {
      dims.push_back({-1, symbol});
    } else {
      dims.push_back({-1, {}});
    }
  }
  return {name, to_dtype(value.scalar_type()), dims};
}

void add_inputs(const jit::Graph& source, const std::vector<at::Tensor>& examples,
                const Batch& batch, const TraceOptions& options, detail::Builder& builder) {
  for (size_t i = 0; i < examples.size(); ++i) {
    const at::Tensor& example = examples[i];
    const std::string name = numbered(options.inputs, "input", i);
    builder.reserve(name);
    builder.names[source.inputs()[i]] = name;
    const at::Tensor& larger = batch.larger.empty() ? example : batch.larger[i];
    builder.graph.inputs.push_back(describe(name, example, larger, batch, options.batch));
    if (!batch.larger.empty() && batch.axes[i] >= 0 && builder.batch.input.empty()) {
      builder.batch.input = name;
      builder.batch.axis = batch.axes[i];
      builder.batch.extent = batch.extent;
    }
  }
}

/// The graph's values under their public names: an Identity, for a value may be an input, or leave
/// twice.
void add_outputs(const jit::Graph& source, const std::vector<at::Tensor>& results,
                 const std::vector<at::Tensor>& larger, const Batch& batch,
                 const TraceOptions& options, detail::Builder& builder) {
  std::vector<const jit::Value*> values(source.outputs().begin(), source.outputs().end());
  if (values.size() == 1 && values[0]->node()->kind() == c10::prim::TupleConstruct) {
    const auto parts = values[0]->node()->inputs();
    values.assign(parts.begin(), parts.end());
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string name = numbered(options.outputs, "output", i);
    const auto value = builder.names.find(values.at(i));
    if (value == builder.names.end()) throw Error("output " + name, "doesn't depend on the inputs");
    builder.publish(value->second, name);
    builder.graph.outputs.push_back(describe(name, results[i], larger.at(i), batch, options.batch));
  }
}

void verify(const graph::Graph& graph, const std::vector<at::Tensor>& examples,
            const std::vector<at::Tensor>& results) {
  std::map<std::string, Tensor> inputs;
  runtime::CompileOptions options;
  for (size_t i = 0; i < examples.size(); ++i) {
    inputs[graph.inputs[i].name] = from_torch(examples[i]);
    options.shapes[graph.inputs[i].name] = examples[i].sizes().vec();
  }
  runtime::Session session(runtime::compile(graph, options));
  const auto outputs = session.run(inputs);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    const at::Tensor found = to_torch(outputs.at(name));
    const at::Tensor& expected = results[i];
    if (found.sizes() == expected.sizes() &&
        at::allclose(found.to(at::kDouble), expected.to(at::kDouble), 1e-3, 1e-4, true)) {
      continue;
    }
    throw Error("output " + name, "of the traced graph isn't what the module computes",
                "a module without writes into parts of a tensor or other hidden effects");
  }
}

/// The results for one example more; fills in what hangs on their number.
std::vector<at::Tensor> trace_larger(const jit::Graph& source, const Forward& forward,
                                     const Batch& batch, detail::BatchUse& use) {
  if (batch.larger.empty()) return {};
  try {
    std::vector<at::Tensor> results = forward(batch.larger);
    detail::compare_traces(source, *record(forward, batch.larger), use);
    return results;
  } catch (const c10::Error& problem) {
    throw Error("trace with a batch of " + std::to_string(batch.extent + 1),
                problem.what_without_backtrace(),
                "TraceOptions::batch_axes that fit, or batch = \"\"");
  }
}

}  // namespace

graph::Graph detail::trace_function(std::unordered_map<const void*, std::string> parameter_names,
                                    const Forward& forward, const std::vector<at::Tensor>& examples,
                                    const TraceOptions& options) {
  if (examples.empty()) throw Error("trace", "needs at least one example input");
  const torch::NoGradGuard no_gradient;
  Builder builder;
  builder.graph.name = options.name;
  builder.parameter_names = std::move(parameter_names);
  std::vector<at::Tensor> results, larger;
  const Batch batch = find_batch(examples, options);
  try {
    results = forward(examples);
    const std::shared_ptr<jit::Graph> source = record(forward, examples);
    add_inputs(*source, examples, batch, options, builder);
    larger = trace_larger(*source, forward, batch, builder.batch);
    if (larger.empty()) larger = results;
    if (larger.size() != results.size()) {
      throw Error("trace of " + options.name, "gives a list as long as the batch",
                  "one tensor, or batch = \"\"");
    }
    for (size_t i = 0; i < results.size(); ++i)
      builder.reserve(numbered(options.outputs, "output", i));
    lower(*source, builder);
    add_outputs(*source, results, larger, batch, options, builder);
  } catch (const c10::Error& problem) {
    throw Error("trace of " + options.name, problem.what_without_backtrace());
  }
  graph::remove_dead(builder.graph);
  graph::validate(builder.graph);
  if (options.verify) verify(builder.graph, examples, results);
  if (options.verify && !batch.larger.empty()) verify(builder.graph, batch.larger, larger);
  return std::move(builder.graph);
}

graph::Graph trace(torch::nn::Module& module, const Forward& forward,
                   const std::vector<at::Tensor>& examples, const TraceOptions& options) {
  const Frozen frozen(module);
  std::unordered_map<const void*, std::string> names;
  for (const auto& part : {module.named_parameters(), module.named_buffers()}) {
    for (const auto& entry : part) {
      if (entry.value().numel() == 0) continue;
      names.emplace(entry.value().data_ptr(), entry.key());
    }
  }
  return detail::trace_function(std::move(names), forward, examples, options);
}

Tensor from_torch(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().to(at::kCPU).contiguous();
  Tensor result(to_dtype(dense.scalar_type()), dense.sizes().vec());
  if (result.bytes() > 0) std::memcpy(result.mutable_raw(), dense.data_ptr(), result.bytes());
  return result;
}

at::Tensor to_torch(const Tensor& tensor) {
  at::Tensor result = at::empty(tensor.shape(), to_scalar_type(tensor.dtype()));
  if (tensor.bytes() > 0) std::memcpy(result.data_ptr(), tensor.raw(), tensor.bytes());
  return result;
}

}  // namespace betimes::learn
