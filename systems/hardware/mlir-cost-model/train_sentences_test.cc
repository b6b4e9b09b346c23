#include "systems/hardware/mlir-cost-model/train_sentences.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/onnx.h"
#include "systems/hardware/mlir-cost-model/served.h"
#include "systems/hardware/mlir-cost-model/testing.h"
#include "systems/hardware/mlir-cost-model/workload.h"

namespace betimes::system {
void mlir_cost_model_train(const TrainOptions& options);
}

namespace betimes::systems::mlir_cost_model {
namespace {

ModelOptions small(Reader reader) {
  ModelOptions options;
  options.reader = reader;
  options.vocabulary = 20;
  options.width = 8;
  options.lstm = 12;
  options.heads = 2;
  options.longest = 64;
  return options;
}

at::Tensor random_ids(int64_t rows, int64_t length) {
  return at::randint(1, 20, {rows, length}, at::kLong);
}

class MlirModel : public testing::TestWithParam<Reader> {
 protected:
  void SetUp() override {
    torch::set_num_threads(1);
    torch::manual_seed(3);
  }
};

/// Padding changes nothing: what is learned in batches is what is served alone.
TEST_P(MlirModel, PaddingIsNotSeen) {
  SentenceModel model(small(GetParam()));
  model->eval();
  const torch::NoGradGuard no_gradient;
  const at::Tensor ids = random_ids(3, 24);
  ids.slice(0, 1, 2).slice(1, 17).fill_(0);
  ids.slice(0, 2, 3).slice(1, 5).fill_(0);
  const at::Tensor together = model->forward(ids);
  EXPECT_EQ(together.sizes(), at::IntArrayRef({3, 4}));
  for (const auto& [row, length] : {std::pair(0, 24), std::pair(1, 20), std::pair(2, 8)}) {
    const at::Tensor alone = model->forward(ids.slice(0, row, row + 1).slice(1, 0, length));
    EXPECT_TRUE(at::allclose(alone[0], together[row], 1e-4, 1e-5)) << row;
  }
  const at::Tensor longer = model->forward(at::constant_pad_nd(ids, {0, 32}));
  EXPECT_TRUE(at::allclose(longer, together, 1e-4, 1e-5));
}

TEST_P(MlirModel, SentencesOfEqualLengthTogetherGiveTheSame) {
  SentenceModel model(small(GetParam()));
  model->eval();
  const torch::NoGradGuard no_gradient;
  const at::Tensor ids = random_ids(40, 40);
  for (int64_t i = 0; i < 40; ++i) ids[i].slice(0, 1 + (i * 7) % 40).fill_(0);
  EXPECT_TRUE(at::allclose(forward_by_length(model, ids), model->forward(ids), 1e-4, 1e-5));
}

/// The graph in this runtime is LibTorch's module, at other lengths than it was traced with.
TEST_P(MlirModel, ServedIsWhatWasTrained) {
  SentenceModel model(small(GetParam()));
  model->set_scale(at::tensor({1.f, 2.f, 3.f, 4.f}), at::tensor({2.f, 1.f, 0.5f, 3.f}));
  graph::Graph graph = model_graph(model);
  std::vector<std::vector<std::string>> sentences(2);
  for (int i = 0; i < 16; ++i) {
    for (auto& sentence : sentences) sentence.push_back("t" + std::to_string(i));
  }
  graph.metadata = model_metadata(Tokens::ops, Vocabulary(sentences), 5);
  const TemporaryFolder folder;
  import::write_onnx(graph, folder.at("model.onnx"));
  CostModel served = CostModel::read(folder.at("model.onnx"), 64);
  EXPECT_EQ(served.split_seed(), 5u);
  EXPECT_EQ(served.tokens(), Tokens::ops);
  const torch::NoGradGuard no_gradient;
  for (const int64_t length : {1, 7, 32, 33, 50, 64, 70}) {
    const at::Tensor ids = random_ids(1, length);
    const int64_t seen = std::min<int64_t>(length, 64);
    const at::Tensor padded =
        at::constant_pad_nd(ids.slice(1, 0, seen), {0, (seen + 3) / 4 * 4 - seen});
    const at::Tensor expected = model->values(padded)[0];
    const Values found = served.run({ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + length});
    for (size_t i = 0; i < target_count; ++i) {
      const double value = expected[static_cast<int64_t>(i)].item<double>();
      EXPECT_NEAR(found[i], value, 1e-4 * (1 + std::abs(value)))
          << name(GetParam()) << ", " << length << " tokens, target " << i;
    }
  }
  EXPECT_GT(served.memory_bytes(), 0u);
  EXPECT_THROW(served.run({}), Error);
  EXPECT_THROW(served.run({1, 20}), Error);
  EXPECT_THROW(served.run({0}), Error);
}

INSTANTIATE_TEST_SUITE_P(Readers, MlirModel, testing::ValuesIn(all_readers()));

/// Convolutions, written out with plain loops in double precision.
TEST(MlirConvolutions, GiveWhatPlainLoopsGive) {
  torch::set_num_threads(1);
  torch::manual_seed(5);
  const torch::NoGradGuard no_gradient;
  SentenceModel model(small(Reader::conv));
  const auto parameter = [&](const std::string& name) {
    return model->named_parameters()[name].to(at::kDouble);
  };
  const at::Tensor ids = random_ids(1, 12);
  using Rows = std::vector<std::vector<double>>;  // [position][channel]
  Rows x;
  for (int64_t t = 0; t < 12; ++t) {
    const at::Tensor row = parameter("tokens.weight")[ids[0][t].item<int64_t>()];
    x.emplace_back(row.data_ptr<double>(), row.data_ptr<double>() + 8);
  }
  const int64_t kernels[] = {2, 2, 4, 4, 8, 8};
  for (size_t layer = 0; layer < 6; ++layer) {
    const at::Tensor weight = parameter("conv" + std::to_string(layer) + ".weight").contiguous();
    const at::Tensor bias = parameter("conv" + std::to_string(layer) + ".bias");
    const int64_t k = kernels[layer], count = static_cast<int64_t>(x.size());
    Rows y(x.size(), std::vector<double>(8));
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t o = 0; o < 8; ++o) {
        double sum = bias[o].item<double>();
        for (int64_t j = 0; j < k; ++j) {
          const int64_t from = t + j - (k - 1) / 2;
          if (from < 0 || from >= count) continue;
          for (int64_t c = 0; c < 8; ++c) {
            sum += weight.data_ptr<double>()[(o * 8 + c) * k + j] *
                   x[static_cast<size_t>(from)][static_cast<size_t>(c)];
          }
        }
        y[static_cast<size_t>(t)][static_cast<size_t>(o)] = std::max(sum, 0.0);
      }
    }
    if (layer == 1 || layer == 3) {
      for (size_t t = 0; t < y.size() / 2; ++t) {
        for (size_t c = 0; c < 8; ++c) y[t][c] = std::max(y[2 * t][c], y[2 * t + 1][c]);
      }
      y.resize(y.size() / 2);
    }
    x = y;
  }
  std::vector<double> features(8, 0);
  for (const auto& row : x) {
    for (size_t c = 0; c < 8; ++c) features[c] = std::max(features[c], row[c]);
  }
  features.push_back(std::log(12.0 / 128));
  const auto affine = [&](const std::string& name, std::vector<double> in, bool relu) {
    const at::Tensor weight = parameter(name + ".weight"), bias = parameter(name + ".bias");
    std::vector<double> out;
    for (int64_t o = 0; o < bias.size(0); ++o) {
      double sum = bias[o].item<double>();
      for (size_t i = 0; i < in.size(); ++i) {
        sum += weight[o][static_cast<int64_t>(i)].item<double>() * in[i];
      }
      out.push_back(relu ? std::max(sum, 0.0) : sum);
    }
    return out;
  };
  const std::vector<double> expected =
      affine("last", affine("second", affine("first", features, true), true), false);
  const at::Tensor found = model->forward(ids)[0];
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found[i].item<double>(), expected[static_cast<size_t>(i)], 1e-4) << i;
  }
}

SentenceTraining few_epochs(int epochs) {
  SentenceTraining how;
  how.epochs = epochs;
  how.batch = 32;
  how.rate = 3e-3;
  return how;
}

TEST(MlirTraining, LearnsCostsOfGraphsAndServesThem) {
  torch::set_num_threads(1);
  const DataSet data = stand_in_data(120, 2);
  const Split split = split_graphs(data, 1);
  std::vector<double> losses;
  Learned learned =
      learn_sentences(data, split, Reader::bag, Tokens::ops, few_epochs(12),
                      [&](const learn::Epoch& epoch) { losses.push_back(epoch.loss); });
  ASSERT_EQ(losses.size(), 12u);
  EXPECT_LT(losses.back(), 0.5 * losses.front());
  const Sentences test =
      make_sentences(data, split.test, Tokens::ops, learned.vocabulary, learned.length);
  const std::vector<Values> expected = predict(learned.model, test);
  const graph::Graph graph = served_graph(learned, Tokens::ops, 1);
  CostModel served(graph, "learned");
  size_t at = 0;
  for (const size_t i : split.test) {
    for (const Variant& variant : data.graphs[i].variants) {
      const CostModel::Prediction found = served.predict(data.graphs[i].function, variant.schedule);
      for (size_t target = 0; target < target_count; ++target) {
        EXPECT_NEAR(found.values[target], expected[at][target], 1e-3);
      }
      ++at;
    }
  }
  EXPECT_EQ(at, expected.size());
  CostModel cut(graph, "learned", 8);
  EXPECT_TRUE(cut.predict(data.graphs[0].function, {}).truncated);
  graph::Graph stripped = graph;
  stripped.metadata.erase("vocabulary");
  EXPECT_THROW(CostModel(stripped, "stripped"), Error);
  stripped.metadata = graph.metadata;
  stripped.metadata["vocabulary"] += "another\n";
  EXPECT_THROW(CostModel(stripped, "stripped"), Error);
}

TEST(MlirTraining, GivesTheSameForASeed) {
  torch::set_num_threads(1);
  const DataSet data = stand_in_data(60, 2);
  const Split split = split_graphs(data, 1);
  const auto values = [&] {
    Learned learned = learn_sentences(data, split, Reader::conv, Tokens::buckets, few_epochs(1),
                                      [](const learn::Epoch&) {});
    return predict(learned.model, make_sentences(data, split.test, Tokens::buckets,
                                                 learned.vocabulary, learned.length));
  };
  EXPECT_EQ(values(), values());
}

/// Every setting of the knobs opens what training writes, and choosing well is better than not.
TEST(MlirWorkload, ChoosesSchedulesByPredictedCosts) {
  torch::set_num_threads(1);
  const TemporaryFolder folder;
  system::OpenOptions options;
  options.places = {folder.at("data"), folder.at("weights")};
  EXPECT_THROW(open_workload(options), Error);
  const DataSet data = stand_in_data(80, 2);
  std::string text;
  for (const Graph& graph : data.graphs) text += format_graph(graph, 0) + "\n";
  std::filesystem::create_directories(folder.path() / "data" / "mlir-cost-model");
  std::filesystem::create_directories(folder.path() / "weights");
  write_file(data_file(options.places.data), text);
  EXPECT_THROW(open_workload(options), Error) << "there is no model";
  system::TrainOptions train;
  train.places = options.places;
  train.threads = 1;
  train.set = {{"epochs", "3"}, {"what", "conv"}, {"tokens", "ops"}};
  int lines = 0;
  train.line = [&](const std::string&) { ++lines; };
  system::mlir_cost_model_train(train);
  EXPECT_GE(lines, 5);
  train.set = {{"what", "trees"}};
  system::mlir_cost_model_train(train);
  const auto workload = open_workload(options);
  fit::Setting setting = workload->knobs().standard();
  workload->run();
  EXPECT_GT(workload->memory_bytes(), 0u);
  const judge::Quality conv = workload->quality(fit::Part::test);
  EXPECT_GT(conv.value, 0.3);
  EXPECT_LE(conv.value, 1);
  setting["model"] = std::string("trees");
  workload->apply(setting);
  workload->run();
  EXPECT_GT(workload->quality(fit::Part::validation).value, 0.8);
  setting["tokens"] = std::string("buckets");
  EXPECT_THROW(workload->apply(setting), Error) << "trees read no tokens";
  setting["model"] = std::string("bag");
  EXPECT_THROW(workload->apply(setting), Error) << "it wasn't trained";
  train.set = {{"what", "everything"}};
  EXPECT_THROW(system::mlir_cost_model_train(train), Error);
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model
