#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/threads.h"
#include "systems/search/cbnet/reproduce_parts.h"
#include "systems/search/cbnet/served.h"
#include "systems/search/cbnet/train_graphs.h"

// The same comparison where the deeper network is large: a trunk with ten times the channels.

namespace betimes::systems::cbnet {
namespace {

constexpr int64_t times = 10;
constexpr int64_t training_images = 12'000, epochs = 4;  // a wide trunk learns quickly, and slowly

at::Tensor answers_of(const std::function<at::Tensor(const at::Tensor&)>& net,
                      const search::Images& test) {
  return hits(apply_all(net, test.images), test.labels);
}

/// Latency by the trunk's width: weights are random, which changes no time.
void table_of_widths(system::Study& study) {
  const std::vector<int64_t> widths = {1, 2, 4, 7, 10};
  torch::manual_seed(study.seed());
  std::vector<graph::Graph> graphs = {
      served_graph(Converted(Converter(ConverterWidths{}), Front(LenetWidths{})))};
  for (const int64_t width : widths) graphs.push_back(served_graph(Lenet(wider_trunk({}, width))));
  const std::vector<Pace> found = time_graphs(graphs, 10, study.seed());
  system::Table table{"LeNet's latency by the width of its trunk, one thread",
                      {"trunk", "multiply-adds (M)", "LeNet us", "f(g(x)) us", "ratio"},
                      {}};
  for (size_t i = 0; i < widths.size(); ++i) {
    const LenetWidths lenet = wider_trunk({}, widths[i]);
    table.rows.push_back({fmt::format("x {}", widths[i]),
                          static_cast<double>(conv1_macs(lenet) + trunk_macs(lenet)) * 1e-6,
                          found[i + 1].p50, found[0].p50, found[i + 1].p50 / found[0].p50});
  }
  study.table(std::move(table));
}

/// The ratio of two paces' means, in one interleaved measurement.
system::Estimate ratio(const Pace& slow, const Pace& fast) {
  system::Estimate found;
  found.value = slow.mean / fast.mean;
  found.samples = 1;
  return found;
}

}  // namespace

void compare_wide(system::Study& study, const DataSet& data) {
  table_of_widths(study);
  Sizes sizes;
  Recipe recipe = sizes.recipe(study.seed());
  recipe.lenet = wider_trunk({}, times);
  recipe.branchy.epochs = epochs;
  const Report report = [&](const learn::Epoch& epoch) {
    study.progress(0.85, "wide trunk: " + to_string(epoch));
  };
  const search::Images training{data.parts.training.images.slice(0, 0, training_images),
                                data.parts.training.labels.slice(0, 0, training_images)};
  const search::Images& test = data.parts.test;
  Base base = build_base(training, data.parts.held_out, data.class_names, recipe, report);
  const Built built = build_converted(base, training, data.class_names, recipe, report);
  torch::manual_seed(study.seed());
  Lenet lenet(recipe.lenet);
  train_classifier(torch::nn::AnyModule(lenet), training, recipe.branchy, report);

  Converted net(built.g, built.tuned);
  const Answers exits = answers(base.net, test.images);
  const at::Tensor converted =
      answers_of([&](const at::Tensor& x) { return net->forward(x); }, test);
  const at::Tensor deep = answers_of([&](const at::Tensor& x) { return lenet->forward(x); }, test);
  const at::Tensor branchy = hits(mixed(exits.first, exits.last, base.tau), test.labels);

  const TeamSize alone(1);
  const BranchyGraphs graphs = branchy_graphs(base.net);
  auto whole = std::make_shared<Whole>(served_graph(lenet));
  auto light = std::make_shared<Whole>(served_graph(net));
  auto exiting = std::make_shared<WithExit>(graphs.first, graphs.rest, base.tau);
  const std::vector<Contestant> all = {
      {"LeNet, trunk x 10", [&](std::span<const float> image) { whole->run(image); }},
      {"BranchyNet, trunk x 10", [&](std::span<const float> image) { exiting->run(image); }},
      {"f(g(x)), prototype, f tuned", [&](std::span<const float> image) { light->run(image); }}};
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < test.size(); ++i) rows.push_back(i);
  const at::Tensor images = test.images.contiguous();
  const std::vector<Pace> paces = time_runs({{&all[0], &rows}, {&all[1], &rows}, {&all[2], &rows}},
                                            images, sizes.seconds, study.seed());

  const double above_lenet = difference_over_images(converted, deep).value;
  const double above_branchy = difference_over_images(converted, branchy).value;
  study.evidence("over-wide-lenet", speed_up(ratio(paces[0], paces[2]), above_lenet));
  study.evidence("over-wide-branchy", speed_up(ratio(paces[1], paces[2]), above_branchy));
  const std::vector<at::Tensor> right = {deep, branchy, converted};
  system::Table table{
      fmt::format("Trunk ten times as wide: {} training images, {} epochs, tau {:.3f}, one seed",
                  training_images, epochs, base.tau),
      {"method", "all %", "mean us", "p50 us", "p99 us"},
      {}};
  for (size_t i = 0; i < all.size(); ++i) {
    table.rows.push_back({all[i].name, points * right[i].mean().item<double>(), paces[i].mean,
                          paces[i].p50, paces[i].p99});
  }
  study.table(std::move(table));
}

}  // namespace betimes::systems::cbnet
