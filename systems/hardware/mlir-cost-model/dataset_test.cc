#include "systems/hardware/mlir-cost-model/dataset.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/mlir-cost-model/split.h"
#include "systems/hardware/mlir-cost-model/testing.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

namespace betimes::systems::mlir_cost_model {
namespace {

std::string content(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(MlirData, LinesAreReadAsTheyWereWritten) {
  const DataSet made = stand_in_data(3, 5);
  std::string text;
  for (const Graph& graph : made.graphs) text += format_graph(graph, 2) + "\n";
  const DataSet found = parse_data(text, "text");
  ASSERT_EQ(found.graphs.size(), 3u);
  EXPECT_EQ(found.refused, 6);
  EXPECT_EQ(found.variants(), made.variants());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found.graphs[i].text, made.graphs[i].text);
    EXPECT_EQ(found.graphs[i].variants[1].schedule, made.graphs[i].variants[1].schedule);
    EXPECT_EQ(found.graphs[i].variants[1].labels.run_cycles,
              made.graphs[i].variants[1].labels.run_cycles);
    EXPECT_EQ(found.graphs[i].variants[1].labels.utilisation,
              made.graphs[i].variants[1].labels.utilisation);
  }
}

TEST(MlirData, MalformedLinesAreRefusedByNumber) {
  const std::string line = format_graph(stand_in_data(1, 5).graphs[0], 0) + "\n";
  const auto refused = [&](const std::string& second) {
    try {
      parse_data(line + second, "file");
      ADD_FAILURE() << second.substr(0, 80) << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("file, line 2"), std::string::npos) << error.what();
    }
  };
  refused(line.substr(0, line.size() / 2));
  refused("{}\n");
  refused("[1]\n");
  refused(with(line, "\"uops\":", "\"uops\":-"));
  refused(with(line, "\"uops\":", "\"oups\":"));
  refused(with(line, "unroll:1", "unroll:3"));
  refused(with(line, "func.func", "func"));
  EXPECT_THROW(parse_data("", "file"), Error);
  EXPECT_THROW(read_data("/nowhere/graphs.jsonl"), Error);
  EXPECT_FALSE(data_present(""));
}

/// A run that was killed in the middle of a line ends as an unbroken one, and any number of
/// processes gives the same labels.
TEST(MlirData, ResumedAndParallelRunsMakeTheSame) {
  if (!find_toolchain()) GTEST_SKIP() << "Debian's mlir-15-tools and llvm-15 aren't installed";
  const TemporaryFolder folder;
  const auto without_times = [&](const std::string& path) {
    DataSet data = read_data(path);
    std::string all;
    for (Graph& graph : data.graphs) {
      for (Variant& variant : graph.variants) variant.lowering_ms = 0;
      all += format_graph(graph, 0) + "\n";
    }
    return all;
  };
  MakeOptions options;
  options.graphs = 2;
  options.seed = 4;
  int64_t calls = 0;
  options.progress = [&](int64_t done, int64_t all) {
    EXPECT_EQ(done, ++calls);
    EXPECT_EQ(all, 2);
  };
  make_data(folder.at("whole"), options);
  EXPECT_EQ(calls, 2);
  const std::string text = content(folder.at("whole"));
  std::ofstream(folder.at("broken.part")) << text.substr(0, text.find('\n') + 50);
  options.progress = {};
  options.processes = 2;
  make_data(folder.at("broken"), options);
  EXPECT_EQ(without_times(folder.at("broken")), without_times(folder.at("whole")));
  EXPECT_FALSE(std::filesystem::exists(folder.at("broken.part")));
  // A finished set grows by what is asked for beyond it.
  options.graphs = 3;
  make_data(folder.at("broken"), options);
  const std::string more = without_times(folder.at("broken"));
  EXPECT_TRUE(more.starts_with(without_times(folder.at("whole"))));
  EXPECT_EQ(read_data(folder.at("broken")).graphs.size(), 3u);
  std::ofstream(folder.at("other.part")) << text;
  options.seed = 5;
  EXPECT_THROW(make_data(folder.at("other"), options), Error);
}

TEST(MlirSplit, NoSentenceIsLearnedFromAndTested) {
  DataSet data = stand_in_data(200, 3);
  // Doubles in every way that sentences can be the same: of all kinds, and with other extents.
  for (size_t i = 0; i < 40; ++i) data.graphs.push_back(data.graphs[i * 3]);
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const Split split = split_graphs(data, seed);
    EXPECT_EQ(split.training.size() + split.validation.size() + split.test.size(),
              data.graphs.size());
    EXPECT_GE(split.test.size(), 24u);
    EXPECT_LE(split.test.size(), 60u);
    EXPECT_GE(split.validation.size(), 24u);
    for (const Tokens variant : all_tokens()) {
      std::set<std::vector<std::string>> learned;
      const auto sentence = [&](size_t i) {
        return tokenise(data.graphs[i].function, {}, variant);
      };
      for (const size_t i : split.training) learned.insert(sentence(i));
      for (const auto* part : {&split.validation, &split.test}) {
        for (const size_t i : *part) {
          EXPECT_FALSE(learned.contains(sentence(i))) << name(variant) << ", graph " << i;
        }
      }
    }
  }
  EXPECT_EQ(split_graphs(data, 1).test, split_graphs(data, 1).test);
  EXPECT_NE(split_graphs(data, 1).test, split_graphs(data, 2).test);
  data.graphs.resize(2);
  EXPECT_THROW(split_graphs(data, 1), Error);
}

}  // namespace
}  // namespace betimes::systems::mlir_cost_model
