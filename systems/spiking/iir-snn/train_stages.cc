#include "systems/spiking/iir-snn/train_stages.h"

#include <algorithm>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/learn/augment.h"
#include "systems/spiking/iir-snn/iir_task.h"

namespace betimes::systems::iir_snn {

int Sizes::ladder_epochs() const { return std::accumulate(epochs.begin(), epochs.end(), 0); }

at::Tensor Data::threshold_images(int64_t time_steps) const {
  const int64_t count = std::clamp<int64_t>(2560 / time_steps, 32, 512);
  return learn::plain_batch(training.images.images.slice(0, 0, count));
}

Data load_data(const Sizes& sizes, uint64_t seed, std::function<void(const std::string&)> line) {
  const learn::ImageSplits splits = learn::load_fashion_mnist(fashion_folder, validation_size);
  if (sizes.images < 1 || sizes.images > splits.train.size()) {
    throw Error("images", "can't be " + std::to_string(sizes.images),
                "1 to " + std::to_string(splits.train.size()));
  }
  Data data;
  data.training.images = {splits.train.images.slice(0, 0, sizes.images),
                          splits.train.labels.slice(0, 0, sizes.images)};
  data.training.seed = seed;
  data.training.line = std::move(line);
  data.task = fashion_task(fashion_folder, sizes.validation, sizes.test);
  return data;
}

std::map<int64_t, Net> train_ladder(const Net& dnn, const Sizes& sizes, const Data& data,
                                    const LadderOptions& options) {
  check_ladder(sizes.ladder);
  if (sizes.epochs.size() != sizes.ladder.size()) {
    throw Error("ladder", "has " + std::to_string(sizes.epochs.size()) + " numbers of epochs",
                std::to_string(sizes.ladder.size()) + ", one a stage");
  }
  std::map<int64_t, Net> nets;
  const int64_t longest = sizes.ladder.front();
  Net net = convert(dnn, data.threshold_images(longest), longest, data.training.line);
  for (size_t i = 0; i < sizes.ladder.size(); ++i) {
    const int64_t steps = sizes.ladder[i];
    net = train_spiking("ladder T=" + std::to_string(steps), net, steps, sizes.epochs[i],
                        data.training, data.task.validation, options);
    nets[steps] = net;
  }
  return nets;
}

}  // namespace betimes::systems::iir_snn
