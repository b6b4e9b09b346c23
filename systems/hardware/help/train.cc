#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/hardware/help/train_meta.h"
#include "systems/hardware/help/workload.h"

namespace betimes::system {
namespace {

using namespace systems::help;

struct Plan {
  SpaceName space = SpaceName::fbnet;
  std::string method = "help";
  MetaOptions meta;
};

Plan plan_of(const TrainOptions& options) {
  Plan plan;
  plan.meta.seed = options.seed;
  plan.meta.resume = options.resume;
  if (options.quick) {
    plan.meta.episodes = 20;
    plan.meta.look_every = 10;
  }
  int second_order = 1;
  Settings settings(options.set, "help's training");
  settings.choice("space", plan.space, {SpaceName::fbnet, SpaceName::nasbench201, SpaceName::ofa},
                  [](SpaceName space) { return name(space); });
  settings.choice<std::string>("method", plan.method,
                               {"help", "maml", "meta-sgd", "embedding-only", "modulator-only"},
                               [](const std::string& method) { return method; });
  settings.whole("episodes", plan.meta.episodes, 1, 1'000'000);
  settings.whole("samples", plan.meta.support, 2, 100);
  settings.whole("inner_steps", plan.meta.inner_steps, 0, 10);
  settings.whole("second_order", second_order, 0, 1);
  settings.number("rate", plan.meta.rate, 1e-7, 1);
  settings.finish();
  plan.meta.second_order = second_order == 1;
  return plan;
}

Tables tables_of(const TrainOptions& options, SpaceName space) {
  if (tables_present(options.places.data, space)) return read_tables(options.places.data, space);
  throw Error("--data", fmt::format("has no latencies of {}", name(space)),
              "the folder that has help-nas-latency/");
}

}  // namespace

void help_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  torch::set_num_threads(options.threads);
  Plan plan = plan_of(options);
  const Tables tables = tables_of(options, plan.space);
  const std::string path = trained_file(options.places.weights, plan.space, plan.method);
  std::filesystem::create_directories(options.places.weights);
  plan.meta.checkpoint = path + ".part";
  options.line(fmt::format("{} on {}: {} devices to learn from, {} to choose by", plan.method,
                           name(plan.space), tables.space.source.size(),
                           tables.space.validation.size()));
  const MetaTrained trained =
      meta_train(tables, find_method(plan.method), plan.meta,
                 [&](const Look& look, const Predictor&) { options.line(to_string(look)); });
  write_predictor(path, trained.best,
                  {{"method", plan.method},
                   {"space", name(plan.space)},
                   {"seed", std::to_string(options.seed)},
                   {"episode", std::to_string(trained.best_episode)}});
  std::error_code ignored;
  std::filesystem::remove(plan.meta.checkpoint, ignored);
  options.line(
      fmt::format("wrote {} (episode {}, {:.0f} s)", path, trained.best_episode, trained.seconds));
}

}  // namespace betimes::system
