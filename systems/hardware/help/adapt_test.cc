#include "systems/hardware/help/adapt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "betimes/base/error.h"
#include "betimes/base/ranks.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/help/evaluate.h"
#include "systems/hardware/help/testing.h"
#include "systems/hardware/help/workload.h"

namespace betimes::systems::help {
namespace {

const std::vector<float> embedding = {0, 0.3f, 1};
const std::vector<float> labels = {0.1f, 0.9f, 0.4f, 0.5f};

TEST(HelpPredictor, FilesAreReadBack) {
  const TemporaryFolder folder;
  for (const bool graph : {false, true}) {
    const Encoded some = some_architectures(graph, 4, 2);
    Predictor predictor = small_predictor(some.width, graph, 3, 1);
    write_predictor(folder.at("all"), predictor, {{"seed", "1"}});
    const Predictor found = read_predictor(folder.at("all"));
    EXPECT_EQ(forward(found.network, some, embedding), forward(predictor.network, some, embedding));
    const AdaptOptions options{2, 3, 5};
    EXPECT_EQ(Adapted(found, embedding, some, labels, options).predict(some),
              Adapted(predictor, embedding, some, labels, options).predict(some));

    predictor.modulator.clear();
    predictor.steps.reset();
    write_predictor(folder.at("less"), predictor, {});
    const Predictor less = read_predictor(folder.at("less"));
    EXPECT_FALSE(less.steps);
    EXPECT_TRUE(less.modulator.empty());
    EXPECT_EQ(less.references(), 3);
  }
}

TEST(HelpPredictor, DamagedOnesAreRefusedByTensor) {
  const Predictor predictor = small_predictor(5, false, 3, 1);
  const std::string layer = "model.meta_learner.";
  const auto refusal = [&](const std::function<void(std::map<std::string, Tensor>&)>& damage) {
    auto tensors = format_predictor(predictor);
    damage(tensors);
    try {
      parse_predictor(tensors, "file");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  using Map = std::map<std::string, Tensor>;
  EXPECT_EQ(refusal([](Map&) {}), "accepted");
  EXPECT_NE(refusal([&](Map& all) { all.erase(layer + "fc3.weight"); }).find("fc3.weight"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) { all["more"] = Tensor(); }).find("more isn't known"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) {
              all[layer + "fc2.bias"] = Tensor(DType::f32, {5});
            }).find("fc2.bias has 5"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) {
              all[layer + "fc2.weight"] = Tensor(DType::f32, {6, 7});
            }).find("takes 7"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) {
              all[layer + "fc2.weight"] = Tensor(DType::i64, {6, 6});
            }).find("f32 of rank 2"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) {
              all["task_lr.meta_learner.fc1.weight"] = Tensor(DType::f32, {6, 4});
            }).find("step sizes"),
            std::string::npos);
  EXPECT_NE(refusal([&](Map& all) {
              all["inference_network.z_encoder.2.weight"] = Tensor(DType::f32, {70, 4});
              all["inference_network.z_encoder.2.bias"] = Tensor(DType::f32, {70});
            }).find("modulator"),
            std::string::npos);
}

TEST(HelpAdapt, ModulationScalesByInputAndMovesBiases) {
  const Predictor predictor = small_predictor(5, false, 3, 1);
  const int64_t width = 12, size = modulation_size(width);
  std::vector<float> noise(static_cast<size_t>(size)), moved = noise;
  moved[static_cast<size_t>(width + 2)] = 1;                     // fc4, input 2
  moved[static_cast<size_t>(modulated_layers * width + 2)] = 1;  // bias of fc5
  const Network before = modulated(predictor, embedding, noise),
                after = modulated(predictor, embedding, moved);
  EXPECT_EQ(before.trunk[0].weight, predictor.network.trunk[0].weight);
  EXPECT_NE(before.head[0].weight, predictor.network.head[0].weight);
  EXPECT_EQ(before.head[0].weight, after.head[0].weight);
  EXPECT_NE(before.head[2].bias, after.head[2].bias);
  EXPECT_EQ(before.head[1].bias, after.head[1].bias);
  for (size_t i = 0; i < before.head[1].weight.size(); ++i) {
    EXPECT_EQ(before.head[1].weight[i] != after.head[1].weight[i], i % 12 == 2) << i;
  }
  EXPECT_THROW(modulated(predictor, std::vector<float>{1, 2}, noise), Error);
}

TEST(HelpAdapt, StepsFollowTheSlope) {
  const Encoded support = some_architectures(false, 4, 2);
  Predictor predictor = small_predictor(5, false, 3, 1);
  predictor.modulator.clear();
  predictor.steps.reset();
  predictor.step = 0.01f;
  const auto loss = [&](int steps) {
    const auto found =
        Adapted(predictor, embedding, support, labels, {steps, 10, 1}).predict(support);
    double sum = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      sum += std::pow(double{found[i]} - double{labels[i]}, 2);
    }
    return sum;
  };
  EXPECT_LT(loss(1), loss(0));
  EXPECT_LT(loss(5), loss(1));

  // One step by hand: the predictor's own weights less step * slope.
  Network network = predictor.network;
  const Network gradient = slope(network, support, embedding, labels).gradient;
  for (size_t i = 0; i < network.layers().size(); ++i) {
    Layer& layer = *network.layers()[i];
    for (size_t j = 0; j < layer.weight.size(); ++j) {
      layer.weight[j] -= 0.01f * gradient.layers()[i]->weight[j];
    }
    for (size_t j = 0; j < layer.bias.size(); ++j) {
      layer.bias[j] -= 0.01f * gradient.layers()[i]->bias[j];
    }
  }
  EXPECT_EQ(Adapted(predictor, embedding, support, labels, {1, 1, 1}).predict(support),
            forward(network, support, embedding));
}

TEST(HelpAdapt, DrawsAreAveragedAndRepeatable) {
  const Encoded support = some_architectures(true, 4, 2);
  const Predictor predictor = small_predictor(cell_width, true, 3, 1);
  const auto predict = [&](int draws, uint64_t seed) {
    return Adapted(predictor, embedding, support, labels, {1, draws, seed}).predict(support);
  };
  EXPECT_EQ(predict(3, 1), predict(3, 1));
  EXPECT_NE(predict(3, 1), predict(3, 2));
  EXPECT_NE(predict(1, 1), predict(2, 1));
  EXPECT_THROW(predict(0, 1), Error);
}

TEST(HelpAdapt, LinesReachMilliseconds) {
  const std::vector<float> predicted = {0, 0.5f, 1};
  const std::vector<double> ms = {10, 30, 20};
  const Line range = match_ranges(predicted, ms), line = least_squares(predicted, ms);
  EXPECT_DOUBLE_EQ(range(0), 10);
  EXPECT_DOUBLE_EQ(range(1), 30);
  EXPECT_DOUBLE_EQ(line(0.5), 20);
  EXPECT_DOUBLE_EQ(line.scale, 10);
  for (const auto& bring : {match_ranges, least_squares}) {
    EXPECT_THROW(bring(std::vector<float>{1, 1}, std::vector<double>{1, 2}), Error);
    EXPECT_THROW(bring(std::vector<float>{1}, std::vector<double>{1}), Error);
    EXPECT_THROW(bring(std::vector<float>{1, 2}, std::vector<double>{1}), Error);
  }
}

TEST(HelpEvaluate, AnOracleIsPerfectAndTheSamplesAreFromThePool) {
  const Tables tables = synthetic_tables(300, 1);
  const Device device = make_device(tables, "fpga");
  const Answer oracle = [&](const std::vector<size_t>& support, const std::vector<float>& given,
                            uint64_t) {
    EXPECT_EQ(support.size(), 10u);
    EXPECT_EQ(given, gather(device.labels, support));
    for (const size_t i : support) {
      EXPECT_NE(std::find(device.pool.begin(), device.pool.end(), i), device.pool.end());
    }
    return Answers{gather(device.labels, support), gather(device.labels, device.held)};
  };
  const Scored found = evaluate(oracle, device, {});
  EXPECT_NEAR(found.spearman, 1, 1e-12);
  EXPECT_LT(found.error_by_range, 1e-5);
  EXPECT_LT(found.error_by_line, 1e-5);
  EXPECT_GT(found.right_decisions, 0.99);
  EvaluateOptions ten;
  ten.protocol = Protocol::references;
  const Answer references = [&](const std::vector<size_t>& support, const std::vector<float>& given,
                                uint64_t) {
    EXPECT_EQ(support, tables.space.references);
    EXPECT_NEAR(*std::min_element(given.begin(), given.end()), 0.05f, 1e-6f);
    EXPECT_NEAR(*std::max_element(given.begin(), given.end()), 0.95f, 1e-6f);
    return Answers{given, gather(device.labels, device.held)};
  };
  EXPECT_NEAR(evaluate(references, device, ten).spearman, 1, 1e-12);
  EvaluateOptions many;
  many.samples = device.pool.size() + 1;
  EXPECT_THROW(evaluate(oracle, device, many), Error);
}

/// The paper's figures, from its weights, with half the draws.
TEST(HelpPublished, WeightsGiveThePapersFigures) {
  struct Expected {
    SpaceName space;
    double mean, tolerance;
  };
  // Once-for-all: no figure is published; what this inference gives.
  for (const Expected& expected :
       {Expected{SpaceName::fbnet, 0.910, 0.012}, Expected{SpaceName::nasbench201, 0.932, 0.015},
        Expected{SpaceName::ofa, 0.982, 0.01}}) {
    const std::string weights = shared_predictor(name(expected.space));
    if (!tables_present(shared_data(), expected.space) || !std::filesystem::exists(weights)) {
      GTEST_SKIP() << "no tables or published weights below " << shared_folder();
    }
    const Tables tables = read_tables(shared_data(), expected.space);
    EvaluateOptions options;
    options.adapt.draws = 2;
    options.supports = 3;
    EXPECT_NEAR(mean_spearman(read_predictor(weights), tables,
                              make_devices(tables, tables.space.unseen), options),
                expected.mean, expected.tolerance)
        << name(expected.space);
  }
}

TEST(HelpWorkload, SaysWhatIsMissing) {
  system::OpenOptions options;
  EXPECT_THROW(open_workload(options), Error);
  if (!tables_present(shared_data(), SpaceName::fbnet)) return;
  const TemporaryFolder empty;
  std::filesystem::create_directories(empty.at("data"));
  std::filesystem::create_symlink(std::filesystem::absolute(shared_data()) / "help-nas-latency",
                                  empty.path() / "data" / "help-nas-latency");
  options.places = {empty.at("data"), empty.at("weights")};
  try {
    open_workload(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("betimes train help"), std::string::npos);
  }
}

TEST(HelpWorkload, RanksUnseenDevicesAtAnySetting) {
  system::OpenOptions options;
  options.places.data = shared_data();
  if (!tables_present(options.places.data, SpaceName::fbnet) ||
      published_file(options.places, SpaceName::fbnet).empty()) {
    GTEST_SKIP() << "no tables or published weights below " << shared_folder();
  }
  const auto workload = open_workload(options);
  fit::Setting setting = workload->knobs().standard();
  setting["mc"] = int64_t{1};
  workload->apply(setting);
  workload->run();
  const judge::Quality quality = workload->quality(fit::Part::test);
  EXPECT_GT(quality.value, 0.85);
  EXPECT_LE(quality.low, quality.value);
  setting["samples"] = int64_t{4};
  EXPECT_THROW(workload->apply(setting), Error);
}

}  // namespace
}  // namespace betimes::systems::help
