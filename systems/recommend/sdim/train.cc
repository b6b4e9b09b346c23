#include <torch/utils.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/system/settings.h"
#include "betimes/system/system.h"
#include "systems/recommend/sdim/scorer.h"
#include "systems/recommend/sdim/train_longhist.h"

namespace betimes::system {
namespace {

using namespace systems::sdim;

struct Sizes {
  int64_t training = 100'000, validation = 10'000;
  int epochs = 2;
};

Sizes sizes(const TrainOptions& options) {
  Sizes found;
  if (options.quick) found = {2'000, 500, 1};
  Settings settings(options.set, "sdim's training");
  settings.whole("epochs", found.epochs, 1, 1000);
  settings.whole("samples", found.training, 1, 10'000'000);
  settings.finish();
  return found;
}

graph::Graph train_one(Attention attention, const Longhist& made, const Sizes& sizes,
                       const TrainOptions& options) {
  ModelOptions model_options;
  model_options.categories = categories(made);
  torch::manual_seed(options.seed);
  CtrModel model(attention, model_options);
  CtrTraining how;
  how.epochs = sizes.epochs;
  how.seed = options.seed;
  how.resume = options.resume;
  how.checkpoint =
      options.places.weights + "/sdim-" + std::to_string(static_cast<int>(attention)) + ".part";
  const auto training = dataset(made, 0, sizes.training);
  const auto validation = dataset(made, sizes.training, sizes.validation);
  options.line(std::string(name(attention)));
  train_model(model, training, validation, how,
              [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); });
  std::error_code ignored;
  std::filesystem::remove(how.checkpoint, ignored);
  switch (attention) {
    case Attention::sampled:
      return sampled_graph(model, model_options);
    case Attention::full:
      return history_graph(model, LonghistOptions().length);
    default:
      return history_graph(model, model_options.recent);
  }
}

}  // namespace

void sdim_train(const TrainOptions& options) {
  if (options.places.weights.empty()) throw Error("--weights", "names no folder");
  torch::set_num_threads(options.threads);
  const Sizes how = sizes(options);
  LonghistOptions longhist;
  longhist.seed = options.seed;
  if (options.quick) longhist.users = 300;
  const Longhist made = make_longhist(longhist, how.training + how.validation);
  const Files files(options.places.weights);
  for (const auto& [attention, path] :
       {std::pair(Attention::sampled, files.sampled), std::pair(Attention::full, files.full),
        std::pair(Attention::none, files.recent)}) {
    graph::Graph graph = train_one(attention, made, how, options);
    graph.metadata = {{"model", std::string("sdim: ") + name(attention)},
                      {"data", "longhist (synthetic)"},
                      {"seed", std::to_string(options.seed)}};
    import::write_onnx(graph, path);
    options.line("wrote " + path);
  }
}

}  // namespace betimes::system
