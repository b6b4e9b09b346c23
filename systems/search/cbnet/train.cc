#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/search/cbnet/train_converter.h"
#include "systems/search/cbnet/train_data.h"
#include "systems/search/cbnet/train_graphs.h"
#include "systems/search/cbnet/workload.h"

namespace betimes::system {
namespace {

using namespace systems::cbnet;

struct Plan {
  Recipe recipe;
  int64_t images = 55'000, held_out = 5'000, test = 10'000;
};

Plan plan(const TrainOptions& options) {
  Plan found;
  Recipe& recipe = found.recipe;
  recipe.branchy = {15, 128, 2e-3, options.seed};
  recipe.conversion = {25, 128, 1e-3, options.seed};
  recipe.tuning = {5, 128, 1e-4, options.seed};
  if (options.quick) {
    found = {recipe, 2'000, 500, 500};
    recipe.branchy = {3, 32, 3e-3, options.seed};
    recipe.conversion = {2, 32, 1e-3, options.seed};
    recipe.tuning = {1, 32, 1e-4, options.seed};
    recipe.lower_bar = true;
  }
  Settings settings(options.set, "cbnet's training");
  settings.choice("target", recipe.target.rule,
                  {TargetRule::random_easy, TargetRule::nearest_easy, TargetRule::prototype},
                  [](TargetRule rule) { return name(rule); });
  settings.whole("prototypes", recipe.target.prototypes, 1, 1000);
  settings.whole("branch", recipe.lenet.branch, 1, 1000);
  settings.whole("hidden1", recipe.converter.hidden1, 1, 100'000);
  settings.whole("hidden2", recipe.converter.hidden2, 1, 100'000);
  int epochs = 0;
  settings.whole("epochs", epochs, 1, 1000);
  if (epochs > 0) recipe.branchy.epochs = recipe.conversion.epochs = epochs;
  settings.choice("bar", recipe.lower_bar, {false, true},
                  [](bool lower) { return lower ? "right" : "easy"; });
  settings.finish();
  return found;
}

void keep_checkpoints(Recipe& recipe, const std::string& stem, bool resume) {
  recipe.branchy.resume = recipe.conversion.resume = recipe.tuning.resume = resume;
  recipe.conversion.checkpoint = stem + ".g.part";
  recipe.tuning.checkpoint = stem + ".f.part";
}

void write(graph::Graph graph, const std::string& what, const Base& base, const Recipe& recipe,
           const std::string& path, const TrainOptions& options) {
  graph.metadata = {{"model", what},
                    {"data", "Fashion-MNIST"},
                    {"target", name(recipe.target.rule)},
                    {"tau", fmt::format("{:.4f}", base.tau)},
                    {"seed", std::to_string(options.seed)}};
  import::write_onnx(graph, path);
}

double share_right(const std::function<at::Tensor(const at::Tensor&)>& net,
                   const systems::search::Images& test) {
  return (apply_all(net, test.images).argmax(1) == test.labels)
      .to(at::kDouble)
      .mean()
      .item<double>();
}

}  // namespace

void cbnet_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  const std::string folder = options.places.weights;
  torch::set_num_threads(options.threads);
  auto [recipe, images, held_out, test] = plan(options);
  const DataSet data = fashion(images, held_out, test);
  const Report report = [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); };
  const std::string exit_path = exit_file(folder);
  recipe.branchy.checkpoint = exit_path + ".part";
  keep_checkpoints(recipe, exit_path, options.resume);

  options.line("BranchyNet");
  Base base =
      build_base(data.parts.training, data.parts.held_out, data.class_names, recipe, report);
  Front front = base.net->front;
  write(served_graph(front), "cbnet: f, exit 1 of BranchyNet", base, recipe, exit_path, options);
  options.line(fmt::format(
      "wrote {}, test accuracy {:.4f}; tau {:.4f}, {:.1f} % of the training images are easy",
      exit_path,
      share_right([&](const at::Tensor& x) { return front->forward(x); }, data.parts.test),
      base.tau, 100 * base.seen.easy.to(at::kDouble).mean().item<double>()));
  std::vector<std::string> left = {recipe.branchy.checkpoint};
  for (const int64_t code : code_widths()) {
    const std::string path = converted_file(folder, code);
    recipe.converter.code = code;
    keep_checkpoints(recipe, path, options.resume);
    left.insert(left.end(), {recipe.conversion.checkpoint, recipe.tuning.checkpoint});
    options.line(fmt::format("converter with a code of {}", code));
    Built built = build_converted(base, data.parts.training, data.class_names, recipe, report);
    Converted net(built.g, built.tuned);
    write(served_graph(net), fmt::format("cbnet: f(g(x)), code {}", code), base, recipe, path,
          options);
    options.line(fmt::format(
        "wrote {}, test accuracy {:.4f}", path,
        share_right([&](const at::Tensor& x) { return net->forward(x); }, data.parts.test)));
  }
  for (const std::string& file : left) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }
}

}  // namespace betimes::system
