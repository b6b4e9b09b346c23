#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/betimes/systems.h"
#include "apps/betimes/verb.h"
#include "betimes/base/error.h"

namespace betimes::cli {
namespace {

struct TrainArguments {
  std::string system;
  system::TrainOptions options;
  std::vector<std::string> set;
};

int run_train(TrainArguments& arguments) {
  const system::System& system = learning_system(arguments.system);
  if (!system.train) throw Error(system.slug, "doesn't learn: there is nothing to train");
  for (const std::string& text : arguments.set) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error("--set", "'" + text + "' isn't understood", "name=value");
    }
    arguments.options.set[text.substr(0, equals)] = text.substr(equals + 1);
  }
  arguments.options.line = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  system.train(arguments.options);
  return 0;
}

std::function<int()> declare_train(CLI::App& command) {
  auto arguments = std::make_shared<TrainArguments>();
  system::TrainOptions& o = arguments->options;
  command.add_option("system", arguments->system, "a system that learns (betimes list systems)")
      ->required();
  declare_places(command, o.places);
  o.places.weights = ".";  // what others read by default is replaced on purpose only
  command.add_option("--seed", o.seed, "of weights, order and augmentation");
  command.add_option("--threads", o.threads)->check(CLI::Range(1, 256));
  command.add_flag("--quick", o.quick, "seconds instead of minutes: to see that it works");
  command.add_flag("--resume", o.resume, "go on from the last epoch that was finished");
  command.add_option("--set", arguments->set, "a setting of the system's training, like epochs=4")
      ->allow_extra_args(false);
  return [arguments] { return run_train(*arguments); };
}

}  // namespace

Verb train_verb() {
  return {"train", "Trains a system: one line an epoch, weights into a folder",
          "betimes train snn-delays --quick --seed 1", declare_train};
}

}  // namespace betimes::cli
