#include <torch/utils.h>

#include <filesystem>

#include "betimes/learn/checkpoint.h"
#include "betimes/system/settings.h"
#include "systems/search/interlayer-ptq/train_task.h"

namespace betimes::system {

void interlayer_ptq_train(const TrainOptions& options) {
  using namespace systems::interlayer_ptq;
  Settings(options.set, "interlayer-ptq's training").finish();
  torch::set_num_threads(options.threads);
  const learn::ImageSplits data = learn::load_fashion_mnist(fashion_mnist_folder);
  for (const std::string& name : net_names()) {
    options.line(name);
    torch::manual_seed(options.seed);
    const Net net = make_net(name);
    NetTraining how;
    how.seed = options.seed;
    how.quick = options.quick;
    how.resume = options.resume;
    how.checkpoint = weights_file(options.places.weights, name) + ".part";
    train_net(*net, data, how, [&](const learn::Epoch& epoch) { options.line(to_string(epoch)); });
    const std::string file = weights_file(options.places.weights, name);
    learn::save_weights(file, *net, {{"net", name}, {"seed", std::to_string(options.seed)}});
    std::error_code ignored;
    std::filesystem::remove(how.checkpoint, ignored);
    options.line("wrote " + file + ", test accuracy " +
                 std::to_string(hit_rate(*net, data.test, 10'000)));
  }
}

}  // namespace betimes::system
