#include <ATen/Parallel.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/system/settings.h"
#include "systems/spiking/iir-snn/iir-snn.h"
#include "systems/spiking/iir-snn/train_stages.h"

namespace betimes::system {
namespace {

using namespace systems::iir_snn;  // this file is its way in

Sizes sizes_of(const TrainOptions& options) {
  Sizes sizes = options.quick ? Sizes::quick() : Sizes::full();
  Settings settings(options.set, "iir-snn's training");
  settings.whole("images", sizes.images, 1, 60'000);
  settings.whole("dnn_epochs", sizes.dnn_epochs, 1, 1000);
  settings.finish();
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
