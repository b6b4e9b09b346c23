#include "systems/search/common/train_served.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include <filesystem>
#include <fstream>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/onnx.h"
#include "systems/search/common/found_net.h"

namespace betimes::systems::search {
namespace {

constexpr int image_side = 28;

void train_one(const std::string& slug, const BlockNet& net, const std::string& path,
               const Images& images, int epochs, const system::TrainOptions& options) {
  torch::manual_seed(options.seed);
  BlockModel model(net);
  ImageTraining how;
  how.epochs = epochs;
  how.seed = options.seed;
  how.resume = options.resume;
  how.checkpoint = path + ".part";
  train_images(model, images, how,
               [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); });
  model->eval();
  graph::Graph graph = served_graph(model, image_side);
  graph.metadata = {{"model", slug + ": " + describe(net)},
                    {"data", "Fashion-MNIST"},
                    {"seed", std::to_string(options.seed)}};
  import::write_onnx(graph, path);
  options.line("wrote " + path);
}

std::string kept_file(const std::string& slug, const system::TrainOptions& options) {
  return options.places.weights + "/" + slug + "-found.txt";
}

}  // namespace

void train_served(const std::string& slug, const BlockNet& net, const Images& images, int epochs,
                  const system::TrainOptions& options) {
  for (const double width : served_widths()) {
    for (const int64_t resolution : served_resolutions()) {
      BlockNet made = scaled(net, width);
      made.resolution = static_cast<int>(resolution);
      train_one(slug, made, found_net_file(options.places.weights, slug, width, resolution), images,
                epochs, options);
    }
  }
}

void keep_found(const std::string& slug, const std::vector<int>& choice,
                const system::TrainOptions& options) {
  write_file(kept_file(slug, options), fmt::format("{}\n", fmt::join(choice, " ")));
}

std::vector<int> kept_choice(const std::string& slug, const system::TrainOptions& options) {
  const std::string path = kept_file(slug, options);
  if (!options.resume || !std::filesystem::exists(path)) return {};
  std::ifstream file(path);
  std::vector<int> choice;
  for (int each = 0; file >> each;) choice.push_back(each);
  if (!file.eof() || choice.empty()) throw Error(path, "isn't a list of numbers");
  return choice;
}

}  // namespace betimes::systems::search
