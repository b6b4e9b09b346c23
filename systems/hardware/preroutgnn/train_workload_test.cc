#include <gtest/gtest.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/preroutgnn/circuits.h"
#include "systems/hardware/preroutgnn/stand_in.h"
#include "systems/hardware/preroutgnn/workload.h"

namespace betimes::system {

void preroutgnn_train(const TrainOptions& options);

}  // namespace betimes::system

namespace betimes::systems::preroutgnn {
namespace {

system::TrainOptions quick_training(const std::string& folder) {
  system::TrainOptions options;
  options.places = {folder, folder + "/weights"};
  options.threads = 1;
  options.quick = true;
  options.line = [](const std::string&) {};
  return options;
}

void write_stand_in(const std::string& folder) {
  const std::string path = data_file(folder);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_circuits(path, stand_in_circuits(5, 4, 150));
}

TEST(PreRouteWorkload, RunsWhatTrainingWrites) {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  write_stand_in(path);
  const system::TrainOptions options = quick_training(path);
  system::preroutgnn_train(options);
  const auto workload = open_workload({options.places, 1, 1});
  const judge::Quality usual = workload->quality(fit::Part::test);
  EXPECT_GT(usual.examples, 0);
  workload->run();
  EXPECT_GT(workload->memory_bytes(), 0U);
  // Batching changes time and memory, not answers.
  fit::Setting setting = workload->knobs().standard();
  setting["levels_per_call"] = int64_t{1};
  workload->apply(setting);
  EXPECT_NEAR(workload->quality(fit::Part::test).value, usual.value, 1e-3);
  setting["reading"] = std::string("mean");
  workload->apply(setting);
  workload->run();
  setting["latent"] = int64_t{0};
  EXPECT_THROW(workload->apply(setting), Error);
  setting["reading"] = std::string("attention");
  workload->apply(setting);
  workload->run();
  setting["hidden"] = int64_t{64};  // which wasn't trained
  EXPECT_THROW(workload->apply(setting), Error);
}

TEST(PreRouteWorkload, TrainsWithEverySetting) {
  const TemporaryFolder folder;
  write_stand_in(folder.path().string());
  system::TrainOptions options = quick_training(folder.path().string());
  options.set = {
      {"what", "model"},   {"hidden", "16"},     {"corners", "2"},      {"latent", "2"},
      {"reading", "mean"}, {"residual", "none"}, {"block_pins", "60"},  {"halo", "2"},
      {"batch", "100"},    {"net_layers", "1"},  {"divergence", "0.1"}, {"teacher_forcing", "0"},
      {"epochs", "2"},     {"code_epochs", "2"}, {"rate", "0.0005"},    {"arrival_unit", "delay"}};
  // Predicted states can't reach a block's first level.
  EXPECT_THROW(system::preroutgnn_train(options), Error);
  options.set["block_pins"] = "0";
  system::preroutgnn_train(options);
  options.set["block_pins"] = "60";
  options.set["teacher_forcing"] = "1";
  system::preroutgnn_train(options);
  EXPECT_TRUE(
      std::filesystem::exists(options.places.weights + "/preroutgnn-16-mean-2.safetensors"));
  options.set = {{"what", "data"}};  // which the quick form doesn't keep
  EXPECT_THROW(system::preroutgnn_train(options), Error);
  options.set = {{"unheard", "1"}};
  EXPECT_THROW(system::preroutgnn_train(options), Error);
}

}  // namespace
}  // namespace betimes::systems::preroutgnn
