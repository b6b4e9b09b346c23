#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "betimes/base/ranks.h"
#include "systems/search/mnasnet/reproduce_parts.h"
#include "systems/search/mnasnet/train_own.h"

namespace betimes::systems::mnasnet {
namespace {

constexpr double points = 100, tolerance = 0.5;  // of accuracy, in points
constexpr size_t finalists = 3, ranked = 8;

struct Sizes {
  OwnSearchOptions searching;
  int64_t images = 6000, proxy = 4000, held_out = 2000, test = 10'000;
  int epochs = 6;
};

/// A network that was trained for longer and timed beside the others.
struct Final {
  std::string name;
  search::BlockNet net;
  double proxy = 0;  // accuracy in the search; 0: it wasn't in it
  double accuracy = 0;
  double ms = 0;
};

/// The best three and others spread over what was tried.
std::vector<size_t> chosen(size_t tried) {
  const size_t count = std::min(ranked, tried);
  std::vector<size_t> found;
  for (size_t i = 0; i < std::min(finalists, count); ++i) found.push_back(i);
  for (size_t i = found.size(); i < count; ++i) {
    found.push_back(finalists - 1 +
                    (i - finalists + 1) * (tried - finalists) / (count - finalists));
  }
  return found;
}

void train_all(std::vector<Final>& finals, const search::ImageParts& parts, const Sizes& sizes,
               system::Study& study) {
  for (size_t i = 0; i < finals.size(); ++i) {
    study.progress(0.8 + 0.2 * static_cast<double>(i) / static_cast<double>(finals.size()),
                   "training " + finals[i].name);
    finals[i].accuracy = points * retrained_accuracy(finals[i].net, parts.training, parts.test,
                                                     sizes.epochs, sizes.searching.seed);
  }
}

void time_all(std::vector<Final>& finals, const system::Study& study) {
  std::vector<search::BlockNet> nets;
  for (const Final& each : finals) nets.push_back(each.net);
  search::TimingOptions timing;
  timing.seconds = study.quick() ? 0.5 : 20;
  timing.rounds = 200;
  const auto times = search::time_nets(nets, timing);
  for (size_t i = 0; i < finals.size(); ++i) finals[i].ms = times[i].ms;
}

void judge_claims(system::Study& study, const std::vector<Final>& finals) {
  const Final& baseline = finals[0];
  system::Estimate faster;
  faster.note = "no network of the best three is as accurate";
  std::vector<double> proxies, accuracies;
  for (size_t i = 2; i < finals.size(); ++i) {
    proxies.push_back(finals[i].proxy);
    accuracies.push_back(finals[i].accuracy);
    if (i >= 2 + finalists || finals[i].accuracy < baseline.accuracy - tolerance) continue;
    const double ratio = baseline.ms / finals[i].ms;
    if (ratio <= faster.value) continue;
    faster.value = ratio;
    faster.note =
        fmt::format("{:.2f} % against {:.2f} %; one search", finals[i].accuracy, baseline.accuracy);
  }
  study.evidence("own-faster", faster);
  system::Estimate ranks;
  ranks.value = spearman(proxies, accuracies);
  ranks.samples = static_cast<int64_t>(proxies.size());
  study.evidence("proxy-ranks", ranks);
}

system::Picture picture_of(const OwnSearch& found, const std::vector<Final>& finals) {
  system::Picture picture{"End-to-end search on Fashion-MNIST",
                          "latency of one image, ms",
                          "accuracy, %",
                          false,
                          false,
                          {}};
  system::Series tried{"tried (proxy)", {}, {}, {}, {}, false};
  for (const Trial& trial : found.trials) {
    tried.x.push_back(trial.found.ms);
    tried.y.push_back(points * trial.found.accuracy);
  }
  system::Series retrained{"retrained", {}, {}, {}, {}, false},
      fixed{"baselines", {}, {}, {}, {}, false};
  for (size_t i = 0; i < finals.size(); ++i) {
    system::Series& series = i < 2 ? fixed : retrained;
    series.x.push_back(finals[i].ms);
    series.y.push_back(finals[i].accuracy);
  }
  picture.series = {tried, retrained, fixed};
  return picture;
}

}  // namespace

void search_own(system::Study& study) {
  if (!std::filesystem::exists(search::fashion_folder)) {
    for (const char* id : {"own-faster", "proxy-ranks"}) {
      if (!study.quick()) study.not_shown(id, "needs the Debian package dataset-fashion-mnist");
    }
    return;
  }
  Sizes sizes;
  sizes.searching.seed = study.seed();
  if (study.quick()) {
    sizes = {sizes.searching, 320, 320, 250, 250, 1};
    sizes.searching.nets = 6;
    sizes.searching.batch = 3;
    sizes.searching.seconds_a_timing = 0.05;
  }
  const search::ImageParts parts = search::fashion_parts(sizes.images, sizes.held_out, sizes.test);
  const search::Images proxy{parts.training.images.slice(0, 0, sizes.proxy),
                             parts.training.labels.slice(0, 0, sizes.proxy)};
  double tried = 0;
  const OwnSearch found =
      search_end_to_end(proxy, parts.held_out, sizes.searching, [&](const std::string& line) {
        study.progress(0.6 + 0.2 * tried++ / sizes.searching.nets, line);
      });
  std::vector<Final> finals = {{"MobileNetV2-like x 1", mobilenet_like(1)},
                               {"MobileNetV2-like x 0.75", mobilenet_like(0.75)}};
  for (const size_t i : chosen(found.trials.size())) {
    finals.push_back({fmt::format("place {} of the search", i + 1),
                      own_net(sizes.searching.sharing, found.trials[i].tokens),
                      points * found.trials[i].found.accuracy});
  }
  train_all(finals, parts, sizes, study);
  time_all(finals, study);
  if (!study.quick()) judge_claims(study, finals);
  system::Table table{
      fmt::format("End-to-end search on Fashion-MNIST: {} networks of one epoch on {} "
                  "images; these were trained {} epochs on {}",
                  sizes.searching.nets, sizes.proxy, sizes.epochs, sizes.images),
      {"network", "proxy %", "test %", "ms", "MACs (M)", "blocks"},
      {}};
  for (const Final& each : finals) {
    table.rows.push_back(
        {each.name, each.proxy > 0 ? system::Cell(each.proxy) : system::Cell("-"), each.accuracy,
         each.ms, static_cast<double>(search::macs(each.net)) * 1e-6, search::describe(each.net)});
  }
  study.table(std::move(table));
  study.picture(picture_of(found, finals));
}

}  // namespace betimes::systems::mnasnet
