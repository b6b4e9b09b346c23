// Rewrites TorchScript files as ONNX: betimes-import MODEL --input SHAPE [--output FILE].
#include <fmt/format.h>
#include <torch/types.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <map>
#include <string>

#include "apps/betimes-import/input.h"
#include "betimes/base/error.h"
#include "betimes/base/threads.h"
#include "betimes/import/onnx.h"
#include "betimes/learn/torchscript.h"
#include "betimes/runtime/session.h"

namespace betimes::import_cli {
namespace {

constexpr int differs = 1;
constexpr int bad_input = 2;
constexpr int internal_error = 3;

struct Options {
  std::string model;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string write;
  uint64_t seed = 1;
  int runs = 4;
  double tolerance = 1e-4;
  bool list = false;
};

/// Of one output over all runs.
struct Difference {
  double largest = 0;  // of |ours - LibTorch's|
  double of = 0;       // the largest magnitude of LibTorch's
  double relative() const { return largest == 0 ? 0 : largest / of; }
};

using Batches = std::vector<int64_t>;

std::vector<at::Tensor> draw(const std::vector<Input>& inputs, int64_t batch) {
  std::vector<at::Tensor> drawn;
  for (const Input& input : inputs) drawn.push_back(input.draw(batch));
  return drawn;
}

void compare(const at::Tensor& found, const at::Tensor& expected, const std::string& name,
             Difference& difference) {
  if (found.sizes() != expected.sizes()) {
    throw Error("output " + name, "has another shape than LibTorch's");
  }
  if (expected.numel() == 0) return;
  const at::Tensor wanted = expected.to(at::kDouble), got = found.to(at::kDouble);
  // Where both are the same infinity or both no number there is no difference.
  const at::Tensor same = (wanted == got) | (wanted.isnan() & got.isnan());
  const at::Tensor apart = (wanted - got).abs().masked_fill(same, 0.0);
  difference.largest =
      std::max(difference.largest,
               apart.nan_to_num(std::numeric_limits<double>::infinity()).max().item<double>());
  const at::Tensor sizes = wanted.abs().masked_fill(wanted.isfinite().logical_not(), 0.0);
  difference.of = std::max(difference.of, sizes.max().item<double>());
}

/// Runs the graph beside LibTorch on fresh random inputs.
std::vector<Difference> check(const graph::Graph& graph, const learn::Forward& forward,
                              const std::vector<Input>& inputs, const Batches& batches,
                              const Options& o) {
  std::vector<Difference> differences(graph.outputs.size());
  for (const int64_t batch : batches) {
    runtime::CompileOptions options;
    std::map<std::string, Tensor> named;
    for (size_t i = 0; i < inputs.size(); ++i) {
      options.shapes[graph.inputs[i].name] = inputs[i].draw(batch).sizes().vec();
    }
    runtime::Session session(runtime::compile(graph, options));
    for (int run = 0; run < o.runs; ++run) {
      const std::vector<at::Tensor> drawn = draw(inputs, batch);
      for (size_t i = 0; i < drawn.size(); ++i) {
        named[graph.inputs[i].name] = learn::from_torch(drawn[i]);
      }
      const auto found = session.run(named);
      const std::vector<at::Tensor> expected = forward(drawn);
      for (size_t i = 0; i < differences.size(); ++i) {
        const std::string& name = graph.outputs[i].name;
        compare(learn::to_torch(found.at(name)), expected.at(i), name, differences[i]);
      }
    }
  }
  return differences;
}

learn::TraceOptions trace_options(const std::vector<Input>& inputs, const Options& o) {
  learn::TraceOptions options;
  options.name = std::filesystem::path(o.model).stem().string();
  options.outputs = o.outputs;
  bool open = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string otherwise = i == 0 ? "input" : fmt::format("input_{}", i);
    options.inputs.push_back(inputs[i].name.empty() ? otherwise : inputs[i].name);
    options.batch_axes.push_back(inputs[i].batch_axis());
    open = open || inputs[i].batch_axis() >= 0;
  }
  if (!open) options.batch.clear();
  return options;
}

int list_operations() {
  for (const std::string& name : learn::lowered_operations()) fmt::print("{}\n", name);
  return 0;
}

void report(const graph::Graph& graph, const std::vector<Difference>& differences, size_t runs,
            const Options& o) {
  fmt::print("{}: {} nodes\n", o.model, graph.nodes.size());
  for (const auto& input : graph.inputs) fmt::print("  input   {}\n", to_string(input));
  for (const auto& output : graph.outputs) fmt::print("  output  {}\n", to_string(output));
  for (size_t i = 0; i < differences.size(); ++i) {
    const Difference& d = differences[i];
    fmt::print("{}: at most {:.1e} from LibTorch's, whose largest is {:.3g} ({:.1e} of it)\n",
               graph.outputs[i].name, d.largest, d.of, d.relative());
  }
  fmt::print("compared on {} random inputs, seed {}\n", runs, o.seed);
}

int run(const Options& o) {
  if (o.list) return list_operations();
  if (o.model.empty()) throw Error("betimes-import", "has no model", "a TorchScript file");
  if (o.inputs.empty())
    throw Error(o.model, "has no --input", "one for each input, as 1x3x224x224");
  std::vector<Input> inputs;
  for (const std::string& text : o.inputs) inputs.push_back(parse_input(text));
  torch::manual_seed(o.seed);
  const learn::TraceOptions options = trace_options(inputs, o);
  const bool open = !options.batch.empty();
  const learn::Forward forward = learn::load_torchscript(o.model);
  graph::Graph graph = learn::read_torchscript(o.model, draw(inputs, open ? 2 : 1), options);
  graph.metadata = {{"source", std::filesystem::path(o.model).filename().string()},
                    {"libtorch", TORCH_VERSION}};
  const Batches batches = open ? Batches{1, 3} : Batches{1};
  const auto differences = check(graph, forward, inputs, batches, o);
  bool close = true;
  for (const Difference& d : differences) close = close && d.relative() <= o.tolerance;
  if (close && !o.write.empty()) import::write_onnx(graph, o.write);
  report(graph, differences, static_cast<size_t>(o.runs) * batches.size(), o);
  if (!close) {
    fmt::print(stderr, "betimes-import: {} differs by more than {:g} of its largest value{}\n",
               o.model, o.tolerance, o.write.empty() ? "" : "; nothing is written");
    return differs;
  }
  if (!o.write.empty()) fmt::print("wrote {}\n", o.write);
  return 0;
}

int parse_and_run(int argc, char** argv) {
  Options o;
  CLI::App app("Rewrites a TorchScript file as ONNX and compares both.", "betimes-import");
  app.add_option("model", o.model, "the TorchScript file, as torch.jit.save writes it");
  app.add_option("--input", o.inputs,
                 "[name:]shape[:type[:low..high]] of each input in its order; N is the batch, the "
                 "range that of the random values it is checked with")
      ->allow_extra_args(false);
  app.add_option("--output-name", o.outputs, "name of each output in its order")
      ->allow_extra_args(false);
  app.add_option("--output", o.write, "the ONNX file to write; without it only the comparison");
  app.add_option("--seed", o.seed, "of the random inputs")->capture_default_str();
  app.add_option("--runs", o.runs, "random inputs for each batch size")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--tolerance", o.tolerance,
                 "largest difference allowed, as a share of the output's largest magnitude")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--operations", o.list, "list LibTorch's operations that can be rewritten");
  app.footer(
      "Example:\n  betimes-import model.pt --input Nx3x224x224 --output model.onnx\n"
      "Exit codes: 0 done, 1 the outputs differ, 2 bad usage or input, 3 internal error.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : bad_input;
  }
  return run(o);
}

}  // namespace
}  // namespace betimes::import_cli

int main(int argc, char** argv) {
  using namespace betimes;
  try {
    return import_cli::parse_and_run(argc, argv);
  } catch (const Error& problem) {
    fmt::print(stderr, "betimes-import: {}\n", problem.what());
    return import_cli::bad_input;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "betimes-import: internal error: {}\n", problem.what());
    return import_cli::internal_error;
  }
}
