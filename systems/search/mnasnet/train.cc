#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/search/common/train_served.h"
#include "systems/search/mnasnet/train_own.h"

namespace betimes::system {
namespace {

using namespace systems::mnasnet;
namespace search = systems::search;

struct Sizes {
  OwnSearchOptions searching;
  int64_t proxy_images = 4000, held_out = 2000, images = 20'000;
  int epochs = 8;
};

Sizes sizes(const TrainOptions& options) {
  Sizes found;
  if (options.quick) {
    found.searching.nets = 4;
    found.searching.batch = 2;
    found.searching.seconds_a_timing = 0.05;
    found.proxy_images = 320;
    found.held_out = 250;
    found.images = 640;
    found.epochs = 1;
  }
  found.searching.seed = options.seed;
  Settings settings(options.set, "mnasnet's training");
  settings.whole("samples", found.searching.nets, 1, 1'000'000);
  settings.number("faster", found.searching.faster, 0.01, 100);
  settings.number("alpha", found.searching.alpha, -10, 0);
  settings.number("beta", found.searching.beta, -10, 0);
  settings.whole("epochs", found.epochs, 1, 1000);
  settings.finish();
  return found;
}

}  // namespace

void mnasnet_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  torch::set_num_threads(options.threads);
  const Sizes how = sizes(options);
  const search::ImageParts parts = search::fashion_parts(how.images, how.held_out, 1);
  Tokens best = search::kept_choice("mnasnet", options);
  if (best.empty()) {
    const search::Images proxy{parts.training.images.slice(0, 0, how.proxy_images),
                               parts.training.labels.slice(0, 0, how.proxy_images)};
    const OwnSearch found = search_end_to_end(proxy, parts.held_out, how.searching, options.line);
    best = found.trials.front().tokens;
    search::keep_found("mnasnet", best, options);
    options.line(fmt::format("best of {}: {:.3f} ms, target {:.3f} ms, baseline {:.3f} ms",
                             found.trials.size(), found.trials.front().found.ms, found.target_ms,
                             found.baseline_ms));
  }
  const search::BlockNet net = own_net(how.searching.sharing, best);
  options.line(search::describe(net));
  search::train_served("mnasnet", net, parts.training, how.epochs, options);
}

}  // namespace betimes::system
