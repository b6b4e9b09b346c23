#include "systems/search/common/found_net.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/idx.h"
#include "betimes/import/onnx.h"

namespace betimes::systems::search {
namespace {

constexpr int64_t pixels = 28 * 28, classes = 10;

/// One linear layer over the pixels.
graph::Graph linear(uint64_t seed) {
  Random random(seed);
  graph::Graph graph;
  graph.name = "linear";
  const auto value = [](const char* name, std::vector<int64_t> rest) {
    graph::ValueInfo info{name, DType::f32, std::vector<graph::Dim>{{-1, "N"}}};
    for (const int64_t extent : rest) info.dims->push_back({extent, {}});
    return info;
  };
  graph.inputs = {value("image", {1, 28, 28})};
  graph.outputs = {value("logits", {classes})};
  Tensor weight(DType::f32, {pixels, classes});
  for (float& each : weight.mutable_data<float>()) each = static_cast<float>(random.normal());
  graph.constants["weight"] = weight;
  graph.nodes = {{"flatten", "Flatten", "", {"image"}, {"flat"}, {}},
                 {"matmul", "MatMul", "", {"flat", "weight"}, {"logits"}, {}}};
  graph::validate(graph);
  return graph;
}

/// Share of the first or second half of the test images whose largest logit is their label's.
double naive_accuracy(const graph::Graph& graph, bool first_half) {
  const std::string prefix = "/usr/share/datasets/fashion-mnist/t10k-";
  const Tensor images = import::read_idx(prefix + "images-idx3-ubyte.gz");
  const Tensor labels = import::read_idx(prefix + "labels-idx1-ubyte.gz");
  const auto weight = graph.constants.at("weight").data<float>();
  const size_t half = 5000, first = first_half ? 0 : half;
  int right = 0;
  for (size_t i = first; i < first + half; ++i) {
    std::array<double, classes> sums{};
    for (size_t p = 0; p < pixels; ++p) {
      const double pixel = images.data<uint8_t>()[i * pixels + p] / 255.0;
      for (size_t c = 0; c < classes; ++c) sums[c] += pixel * double{weight[p * classes + c]};
    }
    right += std::max_element(sums.begin(), sums.end()) - sums.begin() == labels.data<uint8_t>()[i];
  }
  return right / 5000.0;
}

TEST(FoundNet, ServesTheFileOfItsSetting) {
  const TemporaryFolder temporary;
  const std::string folder = temporary.path().string();
  system::OpenOptions options;
  options.places.weights = folder;
  EXPECT_THROW(open_found_net("found", options), Error);
  uint64_t seed = 0;
  for (const double width : served_widths()) {
    for (const int64_t resolution : served_resolutions()) {
      import::write_onnx(linear(++seed), found_net_file(folder, "found", width, resolution));
    }
  }
  const auto workload = open_found_net("found", options);
  workload->run();
  EXPECT_GT(workload->memory_bytes(), static_cast<size_t>(4 * pixels * classes));
  // The last file is the standard setting's: full width and resolution.
  EXPECT_NEAR(workload->quality(fit::Part::validation).value, naive_accuracy(linear(seed), true),
              2e-3);
  EXPECT_NEAR(workload->quality(fit::Part::test).value, naive_accuracy(linear(seed), false), 2e-3);
  workload->apply(workload->knobs().parse({"width=0.5", "resolution=20"}));
  EXPECT_NEAR(workload->quality(fit::Part::test).value, naive_accuracy(linear(1), false), 2e-3);
  EXPECT_THROW(workload->apply({{"width", 0.6}, {"resolution", int64_t{20}}}), Error);
}

}  // namespace
}  // namespace betimes::systems::search
