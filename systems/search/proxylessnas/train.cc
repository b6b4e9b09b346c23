#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/search/common/train_latency.h"
#include "systems/search/common/train_served.h"
#include "systems/search/proxylessnas/train_search.h"

namespace betimes::system {
namespace {

using namespace systems::proxylessnas;
namespace search = systems::search;

struct Sizes {
  SearchOptions searching;
  double reference = 0.7;  // of the uniform network's latency
  int64_t images = 20'000, search_images = 8000, held_out = 4000;
  int epochs = 8;
  double timing_seconds = 20;
};

Sizes sizes(const TrainOptions& options) {
  Sizes found;
  found.searching.latency.strength = 0.15;
  if (options.quick) {
    found.searching.warm_up = 1;
    found.searching.epochs = 1;
    found.images = found.search_images = 640;
    found.held_out = 320;
    found.epochs = 1;
    found.timing_seconds = 1;
  }
  found.searching.seed = options.seed;
  Settings settings(options.set, "proxylessnas's training");
  settings.number("lambda", found.searching.latency.strength, 0, 10);
  settings.number("reference", found.reference, 0.01, 10);
  settings.whole("arch_every", found.searching.arch_every, 1, 1000);
  settings.number("arch_rate", found.searching.arch_rate, 1e-6, 10);
  int learn_from_zero = 1;
  settings.whole("learn_from_zero", learn_from_zero, 0, 1);
  settings.whole("search_epochs", found.searching.epochs, 1, 1000);
  settings.whole("epochs", found.epochs, 1, 1000);
  settings.choice("mode", found.searching.mode, {Mode::two_path, Mode::full, Mode::reinforce},
                  [](Mode mode) { return name(mode); });
  settings.finish();
  found.searching.learn_from_zero = learn_from_zero == 1;
  return found;
}

/// Measures this machine's table, keeps it, and searches.
Choice found_choice(const Space& space, const search::ImageParts& parts, Sizes how,
                    const TrainOptions& options) {
  search::TimingOptions timing;
  timing.seconds = how.timing_seconds;
  timing.seed = options.seed;
  const search::LatencyTable table = search::measure_table(space.all_layers(), timing);
  const std::string table_file = options.places.weights + "/proxylessnas-operators.csv";
  write_file(table_file, table.csv());
  options.line("wrote " + table_file);

  const Costs costs = table_costs(space, table);
  how.searching.latency.reference_ms = how.reference * costs.total(space.uniform(3, 6));
  const search::Images part{parts.training.images.slice(0, 0, how.search_images),
                            parts.training.labels.slice(0, 0, how.search_images)};
  const SearchResult found =
      search_architecture(space, costs, part, parts.held_out, how.searching, options.line);
  options.line(fmt::format("{:.3f} ms by the table, uniform {:.3f} ms", costs.total(found.choice),
                           costs.total(space.uniform(3, 6))));
  return found.choice;
}

}  // namespace

void proxylessnas_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  torch::set_num_threads(options.threads);
  const Sizes how = sizes(options);
  const Space space;
  const search::ImageParts parts = search::fashion_parts(how.images, how.held_out, 1);
  const std::vector<int> kept = search::kept_choice("proxylessnas", options);
  Choice choice(kept.begin(), kept.end());
  if (choice.empty()) {
    choice = found_choice(space, parts, how, options);
    search::keep_found("proxylessnas", {choice.begin(), choice.end()}, options);
  }
  const search::BlockNet net = space.net(choice);
  options.line(describe(space, choice));
  search::train_served("proxylessnas", net, parts.training, how.epochs, options);
}

}  // namespace betimes::system
