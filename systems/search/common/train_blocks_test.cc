#include "systems/search/common/train_blocks.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include "betimes/learn/trace.h"
#include "betimes/runtime/session.h"
#include "systems/search/common/train_latency.h"

namespace betimes::systems::search {
namespace {

/// One of everything that a layer can be.
BlockNet all_kinds() {
  BlockNet net;
  net.stem = 6;
  net.resolution = 20;
  net.relu6 = true;
  net.blocks = {{Operator::separable, 3, 1, 0.25, Skip::identity, 6, 2, 1},
                {Operator::mbconv, 5, 3, 0.25, Skip::pool, 10, 2, 2},
                {Operator::zero, 3, 1, 0, Skip::identity, 10, 1, 1},
                {Operator::conv, 3, 1, 0.25, Skip::identity, 10, 1, 1},
                {Operator::mbconv, 3, 6, 0, Skip::none, 12, 1, 1}};
  net.head = 24;
  return net;
}

int64_t learned(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

TEST(BlockModel, HasTheParametersThatWereCounted) {
  for (const Layer& layer : layers(all_kinds())) {
    EXPECT_EQ(learned(*BlockLayer(layer, 1e-3)), parameters(layer)) << key(layer);
  }
  EXPECT_EQ(learned(*BlockModel(all_kinds())), parameters(all_kinds()));
}

TEST(BlockModel, ServedItGivesWhatItGaveInTraining) {
  torch::manual_seed(3);
  const torch::NoGradGuard no_gradient;
  BlockModel model(all_kinds());
  model->forward(torch::rand({8, 1, 20, 20}));  // running statistics that aren't 0 and 1
  model->eval();
  for (const int size : {20, 28}) {
    runtime::CompileOptions options;
    options.shapes = {{"image", {2, 1, size, size}}};
    runtime::Session session(runtime::compile(served_graph(model, size), options));
    const at::Tensor images = torch::rand({2, 1, size, size});
    const at::Tensor expected = model->forward(images);
    const auto found = session.run({{"image", learn::from_torch(images)}}).at("logits");
    ASSERT_EQ(found.shape(), (Shape{2, 10}));
    for (int64_t i = 0; i < 20; ++i) {
      EXPECT_NEAR(found.data<float>()[static_cast<size_t>(i)], expected.flatten()[i].item<float>(),
                  1e-4);
    }
  }
}

TEST(BlockModel, MultipliesAsOftenAsWasCounted) {
  BlockNet net = all_kinds();
  for (Block& block : net.blocks) {
    if (block.skip == Skip::pool) block.skip = Skip::none;
  }
  BlockModel model(net);
  model->eval();
  const auto plan = runtime::compile(served_graph(model, net.resolution));
  double counted = 0;
  for (const runtime::StepInfo& step : plan->steps()) {
    if (step.op == "Conv" || step.op == "Gemm" || step.op == "MatMul") counted += step.macs;
  }
  // Products with what the padding holds are counted in both.
  EXPECT_NEAR(counted, static_cast<double>(macs(net)), 0.001 * static_cast<double>(macs(net)));
}

TEST(MeasuredTable, HasEveryLayerOfItsNetworkAndNoOther) {
  const BlockNet net = all_kinds();
  const LatencyTable table = measure_table(layers(net), {0.2, 3, 1});
  for (const Layer& layer : layers(net)) EXPECT_TRUE(table.has(layer)) << key(layer);
  EXPECT_GT(table.sum(net), 0);
  Layer other = layers(net)[1];
  other.in += 1;
  EXPECT_FALSE(table.has(other));
}

}  // namespace
}  // namespace betimes::systems::search
