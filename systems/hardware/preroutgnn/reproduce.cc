#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/preroutgnn/circuits.h"
#include "systems/hardware/preroutgnn/reproduce_parts.h"
#include "systems/hardware/preroutgnn/stand_in.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr int64_t quick_designs = 6, quick_pins = 800;
constexpr double share_of_making = 0.2;  // of the progress

const char* const learned_claims[] = {"slack-r2",
                                      "over-nonresidual",
                                      "over-timinggcn",
                                      "gap-by-depth",
                                      "over-straight",
                                      "over-gcnii",
                                      "over-trees",
                                      "cells-r2",
                                      "cells-over-nonresidual",
                                      "cells-over-timinggcn",
                                      "cells-over-published",
                                      "cells-gap-by-depth",
                                      "cells-over-straight",
                                      "cells-over-tree-wires",
                                      "cells-over-trees",
                                      "attention",
                                      "pre-training",
                                      "partitioned",
                                      "partition-memory"};

std::string describe(const CircuitSet& circuits) {
  size_t least = SIZE_MAX, most = 0, endpoints = 0;
  for (const auto* part : {&circuits.training, &circuits.test}) {
    for (const Circuit& each : *part) {
      least = std::min(least, each.pins());
      most = std::max(most, each.pins());
      endpoints += static_cast<size_t>(
          std::ranges::count_if(each.endpoints, [&](const Circuit::Endpoint& end) {
            return each.level[static_cast<size_t>(end.pin)] >= least_judged_level;
          }));
    }
  }
  return fmt::format(
      "{} training and {} test designs of {} to {} pins, {} endpoints behind a cell, over {}",
      circuits.training.size(), circuits.test.size(), least, most, endpoints, circuits.technology);
}

CircuitSet make_here(const system::Study& study) {
  const TemporaryFolder folder;
  const std::string& places = study.places().data;
  const std::string path = data_file(places.empty() ? folder.path().string() : places);
  MakeOptions how;
  how.seed = study.seed();
  how.progress = [&](const std::string& design, int64_t done, int64_t designs) {
    study.progress(share_of_making * static_cast<double>(done) / static_cast<double>(designs),
                   fmt::format("made {}", design));
  };
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_circuits(path, make_circuits(how));
  return read_circuits(path);
}

}  // namespace

std::optional<Material> material(system::Study& study) {
  Material found;
  if (study.quick()) {
    found.circuits = stand_in_circuits(study.seed(), quick_designs, quick_pins);
    found.text = fmt::format(
        "{}: random circuits over a made-up library (synthetic): the quick form shows "
        "that everything runs, not how well it predicts.",
        describe(found.circuits));
    return found;
  }
  try {
    found.circuits = data_present(study.places().data)
                         ? read_circuits(data_file(study.places().data))
                         : make_here(study);
  } catch (const Error& problem) {
    for (const char* id : learned_claims) study.not_shown(id, problem.what());
    return std::nullopt;
  }
  found.real = true;
  found.text = fmt::format(
      "{}: own designs mapped by yosys, placed and routed by models of our own. Wires are "
      "synthetic: "
      "Steiner lengths times a detour that congestion and noise make, with ten times the "
      "resistance "
      "of a 180 nm process, so that wires matter as on large designs.",
      describe(found.circuits));
  return found;
}

Stages stages_of(const system::Study& study, uint64_t seed) {
  Stages stages;
  if (study.quick()) {
    stages.code.epochs = 3;
    stages.predictor.epochs = 6;
    stages.code.most_pins = stages.predictor.most_pins = 150;
  }
  stages.code.seed = stages.predictor.seed = seed;
  return stages;
}

int64_t block_pins(const system::Study& study) { return stages_of(study, 1).predictor.most_pins; }

}  // namespace betimes::systems::preroutgnn

namespace betimes::system {

void preroutgnn_reproduce(Study& study) {
  using namespace systems::preroutgnn;
  torch::set_num_threads(study.threads());
  const std::optional<Material> found = material(study);
  if (!found) return;
  compare_memory(study, *found);
  compare_methods(study, *found);
  compare_cost(study, *found);
  const Stages stages = stages_of(study, study.seed());
  study.note(found->text);
  study.note(fmt::format(
      "Reduced: hidden 32, two NetConv layers, late corner alone. Each step sees one block of at "
      "most {} pins and {} levels around it, not the sum over all designs: {} epochs of the "
      "auto-encoder, {} of the predictor, Adam from {} down to a twentieth. The epoch is chosen by "
      "the arrivals of a sixth of the training designs, which then aren't learned from; every "
      "state is a predicted one. \"{}\" has as many epochs of one design a step, so fewer steps; "
      "GCNII, which isn't made of steps along levels, learns from whole designs, as many steps as "
      "the others.",
      stages.predictor.most_pins, stages.predictor.halo, stages.code.epochs,
      stages.predictor.epochs, stages.predictor.rate, method::unpartitioned));
  study.note(
      "As published a cell step predicts the arrival itself, and only net steps add. With "
      "increments "
      "at cells, too, the latest arrival plus the predicted delay is corrected by that MLP. "
      "Arrival "
      "errors count in cell delays where a step adds, else in the deviation of all arrivals, or in "
      "cell delays everywhere: what validation of the first seed prefers, for PreRoutGNN and for "
      "the network without increments (TimingGCN takes over its choice).");
  study.note(fmt::format(
      "Endpoints below level {} (a wire behind a port or register) aren't judged. Times of level 0 "
      "are those of straight wires, for networks and trees. R2 by depth is within designs of {} "
      "endpoints or more, in quarters of each design's own. Trees and the level's constant learn "
      "from all training designs, networks from those that aren't held "
      "out.",
      least_judged_level, least_split_endpoints));
  study.note(
      "TimingGCN here: no increments, tables by products of weights, no auto-encoder, otherwise "
      "the "
      "same network, learning from true states as the others do. Straight wires are a full timing "
      "analysis with Manhattan lengths; the router's trees are its Steiner trees without detours: "
      "what a router that is run anyway tells, and all that these synthetic wires leave to predict "
      "is the detours. Boosted trees predict the delay of each sink and arc from lengths, loads "
      "and "
      "the straight analysis, and are summed along paths.");
  study.note(
      "Real router detours, crosstalk, a 130 nm library with two corners and designs of 200,000 "
      "pins "
      "can't be shown here.");
}

}  // namespace betimes::system
