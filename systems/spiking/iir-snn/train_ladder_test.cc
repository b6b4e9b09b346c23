#include "systems/spiking/iir-snn/train_ladder.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "betimes/base/error.h"
#include "betimes/runtime/session.h"
#include "systems/spiking/common/packed_convolution.h"
#include "systems/spiking/common/train_tensors.h"
#include "systems/spiking/iir-snn/iir_predictor.h"
#include "systems/spiking/iir-snn/train_dnn.h"

namespace betimes::systems::iir_snn {
namespace {

using at::Tensor;

const Widths small{{6, 8}, {true, true}, 20, 5, 12};

/// A net whose norms have seen something.
Dnn random_dnn(Unit unit) {
  torch::manual_seed(1);
  Dnn dnn(small, unit, 0.0);
  dnn->train();
  for (int i = 0; i < 5; ++i) dnn->forward(torch::rand({16, 1, 12, 12}));
  dnn->eval();
  return dnn;
}

std::vector<float> served(Predictor& predictor, const Tensor& image) {
  std::vector<float> logits(static_cast<size_t>(predictor.classes()));
  predictor.run(std::span(image.data_ptr<float>(), static_cast<size_t>(image.numel())), logits);
  return logits;
}

TEST(IirTraining, PooledWeightIsTheConvolutionAndItsMeans) {
  torch::manual_seed(2);
  const Tensor weight = torch::randn({4, 3, 3, 3}), x = torch::randn({2, 3, 9, 8});
  const Tensor right = at::avg_pool2d(at::conv2d(x, weight, {}, 1, 1), 2);
  const Tensor found = at::conv2d(x, pooled_weight(weight), {}, 2, 1);
  EXPECT_LT((found - right).abs().max().item<double>(), 1e-5);
  const Tensor folded = spiking::to_torch(spiking::pooled_kernel(spiking::from_torch(weight)));
  EXPECT_LT((folded - pooled_weight(weight)).abs().max().item<double>(), 1e-6);
}

TEST(IirTraining, FusedNetHasTheLogitsOfTheNetWithNorms) {
  Dnn dnn = random_dnn(Unit::relu);
  const Tensor images = torch::rand({8, 1, 12, 12});
  const Tensor right = dnn->forward(images);
  runtime::Session session(runtime::compile(dense_graph(dnn->fused(), 8)));
  std::copy_n(images.data_ptr<float>(), images.numel(), session.inputs()[0].as<float>());
  session.run();
  const Tensor found = at::from_blob(session.outputs()[0].as<float>(), {8, 5});
  EXPECT_LT((found - right).abs().max().item<double>(), 1e-4);
}

TEST(IirTraining, BinaryNetIsASpikingNetOfOneStep) {
  Dnn dnn = random_dnn(Unit::binary);
  Predictor predictor(dnn->fused(), Path::packed);
  const Tensor images = torch::rand({20, 1, 12, 12});
  const Tensor right = dnn->forward(images);
  int same = 0;
  for (int64_t i = 0; i < 20; ++i) {  // a sum next to its threshold may fall on the other side
    const auto logits = served(predictor, images[i]);
    same += (at::tensor(logits) - right[i]).abs().max().item<double>() < 1e-4 ? 1 : 0;
  }
  EXPECT_GE(same, 18);
}

TEST(IirTraining, TrainedAndServedNetAgree) {
  Dnn dnn = random_dnn(Unit::relu);
  const Tensor images = torch::rand({20, 1, 12, 12});
  for (const int64_t steps : {1, 3}) {
    const Net net = convert(dnn->fused(), images, steps, {});
    EXPECT_EQ(net.time_steps, steps);
    const SpikingParameters spiking(net);
    const Tensor right = spiking.logits(images, steps, 0).detach();
    Predictor predictor(net, Path::packed);
    int same = 0;
    for (int64_t i = 0; i < 20; ++i) {
      const auto logits = served(predictor, images[i]);
      same += (at::tensor(logits) - right[i]).abs().max().item<double>() < 1e-4 ? 1 : 0;
    }
    EXPECT_GE(same, 18);
    EXPECT_EQ(spiking.parameters(steps).size(), steps == 1 ? 11u : 14u);  // leaks from two steps on
  }
}

TEST(IirTraining, ThresholdsAreTheNinetiethPercentile) {
  Dnn dnn = random_dnn(Unit::relu);
  const Tensor images = torch::rand({64, 1, 12, 12});
  const Net net = convert(dnn->fused(), images, 2, {});
  const Tensor first = SpikingParameters(net).first_currents(images, 1).detach();
  const double above =
      (first > double{net.layers[0].threshold}).to(at::kFloat).mean().item<double>();
  EXPECT_NEAR(above, 0.1, 0.005);
  Net silent = dnn->fused();
  for (float& weight : silent.layers[1].weight.mutable_data<float>()) weight = 0;
  for (float& bias : silent.layers[1].bias.mutable_data<float>()) bias = -1;
  std::vector<std::string> warnings;
  const Net found =
      convert(silent, images, 2, [&](const std::string& w) { warnings.push_back(w); });
  EXPECT_FLOAT_EQ(found.layers[1].threshold, 0.1f);
  EXPECT_GE(warnings.size(), 1u);
}

TEST(IirTraining, ClampsAndRefuses) {
  Dnn dnn = random_dnn(Unit::relu);
  SpikingParameters spiking(dnn->fused());
  spiking.set_threshold(0, -5);
  spiking.clamp();
  EXPECT_FLOAT_EQ(spiking.net(1).layers[0].threshold, 1e-3f);
  EXPECT_THROW(convert(dnn->fused(), torch::rand({4, 1, 12, 12}), 0, {}), Error);
  check_ladder({5, 3, 1});
  EXPECT_THROW(check_ladder({}), Error);
  EXPECT_THROW(check_ladder({3, 3, 1}), Error);
  EXPECT_THROW(check_ladder({3, 0}), Error);
}

}  // namespace
}  // namespace betimes::systems::iir_snn
