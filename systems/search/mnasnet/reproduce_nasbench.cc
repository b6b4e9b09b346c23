#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "betimes/base/statistics.h"
#include "systems/search/mnasnet/nasbench.h"
#include "systems/search/mnasnet/reproduce_parts.h"
#include "systems/search/mnasnet/train_controller.h"

namespace betimes::systems::mnasnet {
namespace {

constexpr double points = 100;
const std::vector<std::string> devices = {"gold_6226", "raspi4", "eyeriss"};
const char* const ids[] = {"regret-random", "regret-flops", "devices-differ"};

/// A device with its true best under its median latency.
struct Target {
  std::string device;
  double ms = 0, macs = 0;
  Trial best;
  double front = 0;  // hypervolume of the true front
};

Target target_of(const NasBench& bench, const std::string& device) {
  const std::vector<Trial> all = bench.all(device);
  std::vector<double> times, macs;
  for (const Trial& trial : all) {
    times.push_back(trial.found.ms);
    macs.push_back(trial.found.macs);
  }
  Target found{device, median(times), median(macs), {}, 0};
  found.best = *best_within(all, found.ms);
  found.front = hypervolume(all, 0.1, found.ms);
  return found;
}

struct Searches {
  const NasBench& bench;
  const Target& target;
  int samples;
  uint64_t seed;

  Judge judge() const {
    return [this](const Tokens& tokens) { return bench.judged(tokens, target.device); };
  }
  std::vector<Trial> baseline(const std::string& search) const {
    return baseline_search(NasBench::space(), judge(), {search, samples, seed, target.ms});
  }
  std::vector<Trial> controller(const Reward& reward, Cost cost) const {
    ControllerOptions options;
    options.samples = samples;
    options.batch = 20;  // it, rate and entropy were chosen on pixel3, fpga and silver_4114
    options.seed = seed;
    options.rate = 5e-3;
    options.entropy = 1e-3;
    return controller_search(NasBench::space(), judge(), reward, cost, options);
  }
};

void note(system::Scores& scores, const std::string& variant, const Target& target,
          const std::vector<Trial>& trials) {
  const double regret =
      points * (target.best.found.accuracy - best_accuracy_within(trials, target.ms));
  scores.add("regret, " + target.device, variant, regret);
  scores.add("regret", variant, regret);
  scores.add("share of the true front's area", variant,
             hypervolume(trials, 0.1, target.ms) / target.front);
}

}  // namespace

void search_nasbench(system::Study& study) {
  if (!NasBench::present(study.places().data)) {
    for (const char* id : ids) {
      study.not_shown(id,
                      "NAS-Bench-201 isn't here: --data names the folder that has "
                      "help-nas-latency/");
    }
    return;
  }
  const NasBench bench(study.places().data);
  std::vector<Target> targets;
  for (const std::string& device : devices) targets.push_back(target_of(bench, device));
  system::Scores scores;
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 2 : 10);
  for (const uint64_t seed : seeds) {
    for (const Target& target : targets) {
      study.progress(0.55, fmt::format("NAS-Bench-201, {}, seed {}", target.device, seed));
      const Searches search{bench, target, 300, seed};
      note(scores, "random", target, search.baseline("random"));
      note(scores, "evolution", target, search.baseline("evolution:population=50,tournament=10"));
      note(scores, "soft reward", target,
           search.controller(Reward::soft(target.ms), Cost::latency));
      note(scores, "hard reward", target,
           search.controller(Reward::hard(target.ms), Cost::latency));
      note(scores, "soft reward on MACs", target,
           search.controller(Reward::soft(target.macs), Cost::macs));
    }
  }
  study.evidence("regret-random", scores.difference("regret", "random", "soft reward"));
  study.evidence("regret-flops", scores.difference("regret", "soft reward on MACs", "soft reward"));
  std::set<Tokens> distinct;
  system::Table table{"NAS-Bench-201: the most accurate cell within the device's median latency",
                      {"device", "T (ms)", "CIFAR-100 (%)", "ms", "cell"},
                      {}};
  for (const Target& target : targets) {
    distinct.insert(target.best.tokens);
    table.rows.push_back({target.device, target.ms, points * target.best.found.accuracy,
                          target.best.found.ms, bench.text(target.best.tokens)});
  }
  system::Estimate winners;
  winners.value = static_cast<double>(distinct.size());
  winners.note = "true bests, without a search";
  study.evidence("devices-differ", winners);
  study.table(scores.table("NAS-Bench-201, 300 samples: regret in points of CIFAR-100 accuracy"));
  study.table(std::move(table));
}

}  // namespace betimes::systems::mnasnet
