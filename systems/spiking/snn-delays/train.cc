#include <ATen/Parallel.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/system/settings.h"
#include "systems/spiking/snn-delays/snn-delays.h"
#include "systems/spiking/snn-delays/spoken_digits.h"
#include "systems/spiking/snn-delays/train_delays.h"

namespace betimes::system {

void snn_delays_train(const TrainOptions& options) {
  using namespace systems::snn_delays;
  if (options.resume) throw Error("--resume", "isn't possible here", "a run from the start");
  Settings(options.set, "snn-delays's training").finish();
  at::set_num_threads(options.threads);
  const Splits data =
      load_spoken_digits(digits_folder(options.places), DigitSplit::official, 0, {});
  DelayTraining training;
  training.epochs = options.quick ? 4 : 40;
  training.seed = options.seed;
  training.line = options.line;
  std::filesystem::create_directories(
      std::filesystem::path(weights_file(options.places, "none")).parent_path());
  for (const auto& [name, delays] :
       {std::pair{"learned", Delays::learned}, std::pair{"none", Delays::none}}) {
    DelayOptions how;
    how.delays = delays;
    how.tau = 1.5;
    write_net(weights_file(options.places, name), train_delays(name, how, training, data).net);
  }
}

}  // namespace betimes::system
