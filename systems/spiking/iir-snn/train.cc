#include <ATen/Parallel.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "systems/spiking/iir-snn/iir-snn.h"
#include "systems/spiking/iir-snn/train_stages.h"

namespace betimes::system {
namespace {

using namespace iir_snn;  // this file is its way in

int64_t number(const std::string& name, const std::string& text) {
  size_t used = 0;
  int64_t value = 0;
  try {
    value = std::stoll(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size()) throw Error(name, "'" + text + "' isn't a whole number");
  return value;
}

Sizes sizes_of(const TrainOptions& options) {
  Sizes sizes = options.quick ? Sizes::quick() : Sizes::full();
  for (const auto& [name, value] : options.set) {
    if (name == "images") {
      sizes.images = number(name, value);
    } else if (name == "dnn_epochs") {
      sizes.dnn_epochs = static_cast<int>(number(name, value));
    } else {
      throw Error(name, "isn't something to set here", "images or dnn_epochs");
    }
  }
  return sizes;
}

}  // namespace

void iir_snn_train(const TrainOptions& options) {
  if (options.resume) throw Error("--resume", "isn't possible here", "a run from the start");
  at::set_num_threads(options.threads);
  const Sizes sizes = sizes_of(options);
  const Data data = load_data(sizes, options.seed, options.line);
  const Net dnn =
      train_dnn("DNN", {}, Unit::relu, sizes.dnn_epochs, data.training, data.task.validation);
  const std::filesystem::path folder =
      std::filesystem::path(weights_file(options.places, 0)).parent_path();
  std::filesystem::create_directories(folder);
  write_net(weights_file(options.places, 0), dnn);
  for (const auto& [steps, net] : train_ladder(dnn, sizes, data, {})) {
    write_net(weights_file(options.places, steps), net);
  }
}

}  // namespace betimes::system
