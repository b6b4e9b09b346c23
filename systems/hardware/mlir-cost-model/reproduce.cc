#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <filesystem>

#include "betimes/base/temporary_folder.h"
#include "systems/hardware/mlir-cost-model/reproduce_parts.h"

namespace betimes::systems::mlir_cost_model {
namespace {

constexpr int64_t made_here = 500;  // graphs, where there is no data set
constexpr size_t quick_graphs = 90;

const char* const learned_claims[] = {
    "registers-error",         "utilisation-error", "over-linear", "over-bag",     "over-trees",
    "operands-carry-pressure", "buckets-help",      "regret",      "over-schedule"};

std::string describe(const DataSet& data) {
  size_t motifs = 0;
  for (const Graph& graph : data.graphs) motifs += graph.kind != "random";
  return fmt::format(
      "{} generated functions (synthetic; {} of them motifs of known networks) in {} variants; {} "
      "variants more were refused by the compiler or crashed it. Labels are real: MLIR 15 and LLVM "
      "15 for skylake-avx512, llvm-mca.",
      data.graphs.size(), motifs, data.variants(), data.refused);
}

DataSet make_here(const system::Study& study) {
  const TemporaryFolder folder;
  const std::string& places = study.places().data;
  const std::string path = data_file(places.empty() ? folder.path().string() : places);
  MakeOptions how;
  how.graphs = made_here;
  how.seed = study.seed();
  how.processes = study.threads();
  how.progress = [&](int64_t done, int64_t all) {
    study.progress(0.4 * static_cast<double>(done) / static_cast<double>(all),
                   fmt::format("{} of {} functions lowered", done, all));
  };
  make_data(path, how);
  return read_data(path);
}

}  // namespace

std::string Pair::label() const { return fmt::format("{}, {}", name(reader), name(tokens)); }

std::optional<Material> material(system::Study& study) {
  Material found;
  if (data_present(study.places().data)) {
    found.data = read_data(data_file(study.places().data));
    found.real = true;
  } else if (!study.quick() && find_toolchain()) {
    found.data = make_here(study);
    found.real = true;
  } else if (study.quick()) {
    found.data = stand_in_data(quick_graphs, study.seed());
    found.text =
        "Labels are stand-ins that a formula makes of operator counts (synthetic): there is no "
        "data "
        "set, which betimes train mlir-cost-model --set what=data makes.";
    return found;
  } else {
    for (const char* id : learned_claims) {
      study.not_shown(
          id, "neither the data set (--data) nor Debian's mlir-15-tools and llvm-15 are here");
    }
    study.not_shown("faster", "there is no model to time");
    return std::nullopt;
  }
  if (study.quick() && found.data.graphs.size() > quick_graphs) {
    found.data.graphs.erase(found.data.graphs.begin() + quick_graphs, found.data.graphs.end());
  }
  found.text = describe(found.data);
  return found;
}

}  // namespace betimes::systems::mlir_cost_model

namespace betimes::system {

void mlir_cost_model_reproduce(Study& study) {
  using namespace systems::mlir_cost_model;
  torch::set_num_threads(study.threads());
  const std::optional<Material> found = material(study);
  if (!found) return;
  compare_models(study, *found);
  compare_speed(study, *found);
  study.note(found->text);
  study.note(
      "A tenth of the graphs is for testing, drawn anew by each seed; graphs that are one sentence "
      "in "
      "any kind of tokens stay together. Micro-ops and run cycles are predicted and scored as "
      "log(1 + "
      "count).");
  study.note(
      "Registers, micro-ops and utilisation are of one pass over the function's text, as llvm-mca "
      "takes it. Run cycles count each block as often as its loops run it, as LLVM knows their "
      "trip "
      "counts; caches and mispredicted branches aren't in them.");
  study.note(
      "The schedule is two tokens at the sentence's beginning. One trunk serves all four targets; "
      "every "
      "reader's MLP gets the number of tokens, too.");
  study.note(
      "The paper's accelerator, frameworks' own dialects and a pass inside a compiler can't be "
      "shown "
      "here; its figures are known from summaries alone.");
}

}  // namespace betimes::system
