// The loaded module is run under LibTorch's tracer rather than lowered from its own frozen graph: a
// script keeps shape arithmetic, assertions and branches on sizes that freezing can't remove, and
// records no shapes, while a trace is straight and has them all. What a trace would lose silently,
// branches on computed values, is looked for in the frozen graph beforehand.
#include "betimes/learn/torchscript.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <set>

#include "betimes/base/error.h"
#include "betimes/import/zip.h"
#include "betimes/learn/detail/trace_function.h"

namespace betimes::learn {
namespace {

namespace jit = torch::jit;

constexpr const char* written_by =
    "a file written by torch.jit.save; a checkpoint of weights alone isn't one";

jit::Module load(const std::string& path) {
  try {
    // LibTorch's reader checks neither the sums nor what it unpickles.
    import::ZipArchive(path, "TorchScript archive", written_by).check();
    jit::Module module = jit::load(path, at::kCPU);
    module.eval();
    for (const at::Tensor& parameter : module.parameters()) parameter.requires_grad_(false);
    if (!module.find_method("forward")) throw Error(path, "has no method forward");
    return module;
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {  // c10::Error, and others for broken source text
    throw Error(path, "can't be read as TorchScript", written_by);
  }
}

/// Whether a number or truth value was read out of a tensor on its way to `value`.
bool computed(const jit::Value* value, std::set<const jit::Value*>& seen) {
  static const std::set<std::string> readers = {"aten::Bool",
                                                "aten::Int",
                                                "aten::Float",
                                                "aten::item",
                                                "aten::is_nonzero",
                                                "aten::IntImplicit",
                                                "aten::FloatImplicit",
                                                "aten::equal",
                                                "aten::allclose",
                                                "aten::ScalarImplicit",
                                                "aten::tolist",
                                                "prim::tolist",
                                                "aten::_local_scalar_dense"};
  if (!seen.insert(value).second) return false;
  const jit::Node* node = value->node();
  const auto any = [&](at::ArrayRef<const jit::Value*> values) {
    for (const jit::Value* v : values) {
      if (computed(v, seen)) return true;
    }
    return false;
  };
  if (node->kind() == c10::prim::Param) {
    const jit::Node* owner = node->owningBlock()->owningNode();
    return owner != nullptr && any(owner->inputs());
  }
  for (const jit::Value* input : node->inputs()) {
    const bool tensor = input->type()->isSubtypeOf(*c10::TensorType::get());
    if (tensor && readers.contains(node->kind().toQualString())) return true;
  }
  for (const jit::Block* block : node->blocks()) {
    if (any(block->outputs())) return true;
  }
  return any(node->inputs());
}

void refuse_computed_branches(const jit::Block& block, const std::string& path) {
  for (const jit::Node* node : block.nodes()) {
    const bool loop = node->kind() == c10::prim::Loop;
    if (loop || node->kind() == c10::prim::If) {
      std::set<const jit::Value*> seen;
      bool depends = computed(node->input(0), seen);
      if (loop) depends = depends || computed(node->input(1), seen);
      if (loop) depends = depends || computed(node->blocks()[0]->outputs()[0], seen);
      if (depends) {
        std::string where = path;
        if (const auto source = node->sourceRange().file_line_col()) {
          where += ", " + std::get<0>(*source) + ":" + std::to_string(std::get<1>(*source));
        }
        throw Error(where, std::string(loop ? "loops" : "branches") + " on a computed value",
                    "control flow that depends on sizes and constants only");
      }
    }
    for (const jit::Block* inner : node->blocks()) refuse_computed_branches(*inner, path);
  }
}

void check_control_flow(const jit::Module& module, const std::string& path) {
  const jit::Module frozen = jit::freeze_module(module);
  const auto graph = frozen.get_method("forward").graph();
  jit::Inline(*graph);
  refuse_computed_branches(*graph->block(), path);
}

void collect(const jit::IValue& value, std::vector<at::Tensor>& found) {
  if (value.isTensor()) {
    found.push_back(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) found.push_back(tensor);
  } else if (value.isTuple()) {
    for (const jit::IValue& part : value.toTupleRef().elements()) collect(part, found);
  } else {
    throw Error("forward", "returns a " + value.tagKind(), "tensors, in tuples or lists");
  }
}

/// The line of a message that says what is wrong: LibTorch's interpreter puts it last, below the
/// places in the script, and the dispatcher first, above the values it was given.
std::string brief(const std::string& message) {
  constexpr std::string_view mark = "RuntimeError: ";
  const size_t marked = message.rfind(mark);
  const size_t from = marked == std::string::npos ? 0 : marked + mark.size();
  return message.substr(from, message.find('\n', from) - from);
}

/// Runs `work`, which runs the module; everything that LibTorch throws becomes an Error.
template <class Work>
auto guarded(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& problem) {
    throw Error(path, brief(problem.what_without_backtrace()));
  } catch (const std::exception& problem) {  // the interpreter's own errors
    throw Error(path, std::string("fails on these inputs: ") + brief(problem.what()));
  }
}

Forward forward_of(const jit::Module& module) {
  return [module = jit::Module(module)](const std::vector<at::Tensor>& inputs) mutable {
    std::vector<at::Tensor> outputs;
    collect(module.forward({inputs.begin(), inputs.end()}), outputs);
    return outputs;
  };
}

}  // namespace

Forward load_torchscript(const std::string& path) {
  return [path, forward = forward_of(load(path))](const std::vector<at::Tensor>& inputs) {
    return guarded(path, [&] {
      const torch::NoGradGuard no_gradient;
      return forward(inputs);
    });
  };
}

graph::Graph read_torchscript(const std::string& path, const std::vector<at::Tensor>& examples,
                              const TraceOptions& options) {
  const jit::Module module = load(path);
  return guarded(path, [&] {
    check_control_flow(module, path);
    std::unordered_map<const void*, std::string> names;
    for (const auto& entry : module.named_parameters()) {
      if (entry.value.numel() > 0) names.emplace(entry.value.data_ptr(), entry.name);
    }
    for (const auto& entry : module.named_buffers()) {
      if (entry.value.numel() > 0) names.emplace(entry.value.data_ptr(), entry.name);
    }
    return detail::trace_function(std::move(names), forward_of(module), examples, options);
  });
}

}  // namespace betimes::learn
