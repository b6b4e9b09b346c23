// NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using LossOperators = ::testing::Test;

struct Case {
  Tensor scores, labels;
  std::optional<Tensor> weights;
  std::optional<int64_t> ignored;
  std::string reduction;
};

Case random_case(Random& random, DType dtype) {
  Case made;
  Shape shape = random_shape(random, 2 + random.below(3), 200);
  made.reduction = std::vector<std::string>{"none", "mean", "sum"}[random.below(3)];
  // Rounding would decide what a mean over nothing is.
  for (int64_t& extent : shape) extent = std::max<int64_t>(extent, made.reduction != "none");
  shape[1] = std::max<int64_t>(shape[1], 2);
  made.scores = random_tensor(random, dtype, shape);
  Shape places = shape;
  places.erase(places.begin() + 1);
  made.labels = random_tensor(random, coin(random) ? DType::i32 : DType::i64, places, 0,
                              static_cast<double>(shape[1] - 1));
  if (coin(random)) made.weights = random_tensor(random, dtype, {shape[1]}, 0.5, 2);
  if (coin(random)) made.ignored = between(random, 0, shape[1] - 1);
  return made;
}

Call call_of(const std::string& op, const Case& made, size_t outputs = 1) {
  Call call{op, {made.scores, made.labels}, {{"reduction", made.reduction}}, outputs};
  if (made.weights) call.inputs.emplace_back(made.weights);
  if (made.ignored) call.attributes["ignore_index"] = *made.ignored;
  return call;
}

/// From the logarithms of probabilities.
Array loss_of(const Case& made, const Array& logs) {
  const Array labels(made.labels);
  Array losses(labels.shape());
  double sum = 0;
  double weights = 0;
  each_index(labels.shape(), [&](const Index& at) {
    const auto label = static_cast<int64_t>(labels(at));
    if (made.ignored == label) return;
    Index place = at;
    place.insert(place.begin() + 1, label);
    const double weight = made.weights ? Array(*made.weights)({label}) : 1;
    losses(at) = -logs(place) * weight;
    sum += losses(at);
    weights += weight;
  });
  if (made.reduction == "none") return losses;
  return Array({}, made.reduction == "sum" ? sum : sum / weights);
}

TEST(LossOperators, NegativeLogLikelihoodLoss_WeighsAndIgnores) {
  Random random(600);
  for (const DType dtype : types_of("NegativeLogLikelihoodLoss")) {
    for (int round = 0; round < 60; ++round) {
      const Case made = random_case(random, dtype);
      const Call call = call_of("NegativeLogLikelihoodLoss", made);
      SCOPED_TRACE(call.describe());
      expect_close(run(call)[0], dtype, loss_of(made, Array(made.scores)), 10);
    }
  }
}

TEST(LossOperators, SoftmaxCrossEntropyLoss_GivesLogarithmsToo) {
  Random random(601);
  for (const DType dtype : types_of("SoftmaxCrossEntropyLoss")) {
    for (int round = 0; round < 60; ++round) {
      const Case made = random_case(random, dtype);
      const Array scores(made.scores);
      const Array logs = Array::made(scores.shape(), [&](Index at) {
        const double own = scores(at);
        double sum = 0;
        for (at[1] = 0; at[1] < scores.extent(1); ++at[1]) sum += std::exp(scores(at));
        return own - std::log(sum);
      });
      const Call call = call_of("SoftmaxCrossEntropyLoss", made, 2);
      SCOPED_TRACE(call.describe());
      const auto found = run(call);
      expect_close(found[0], dtype, loss_of(made, logs), 10);
      expect_close(found[1], dtype, logs, 10);
      EXPECT_EQ(run(call_of("SoftmaxCrossEntropyLoss", made)).size(), 1u);
    }
  }
}

TEST(LossOperators, SoftmaxCrossEntropyLoss_AndTheOtherRefuseWhatDoesNotFit) {
  for (const std::string op : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    const Tensor x(DType::f32, {2, 3});
    const Tensor labels = integers({0, 2});
    EXPECT_EQ(run({op, {x, labels}})[0].shape(), Shape{});
    EXPECT_THROW(run({op, {x, integers({0, 3})}}), Error);
    EXPECT_THROW(run({op, {x, integers({-1, 0})}}), Error);
    // An ignored label needn't be a class.
    const Call ignoring{op, {x, integers({-1, 0})}, {{"ignore_index", int64_t{-1}}}};
    EXPECT_EQ(run(ignoring).size(), 1u);
    const Call nothing{op, {x, integers({1, 1})}, {{"ignore_index", int64_t{1}}}};
    EXPECT_TRUE(std::isnan(Array(run(nothing)[0]).values()[0]));
    expect_refused({op, {x, integers({0})}}, "input 1");
    expect_refused({op, {x, Tensor(DType::f32, {2})}}, "input 1");
    expect_refused({op, {x, labels, Tensor(DType::f32, {2})}}, "input 2");
    expect_refused({op, {x, labels, Tensor(DType::f64, {3})}}, "input 2");
    expect_refused({op, {Tensor(DType::f32, {2}), labels}}, "input 0");
    expect_refused({op, {x, labels}, {{"reduction", std::string("max")}}}, "'max'");
  }
}

}  // namespace
}  // namespace betimes::graph
