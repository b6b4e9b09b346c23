// Domain ai.onnx.ml: TreeEnsembleRegressor, TreeEnsembleClassifier.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "betimes/graph/testing/array.h"
#include "betimes/graph/testing/node.h"
#include "betimes/graph/testing/random.h"

namespace betimes::graph {
namespace {

using namespace testing;

using MlOperators = ::testing::Test;
using Ints = std::vector<int64_t>;
using Reals = std::vector<float>;
using Texts = std::vector<std::string>;

constexpr auto nan = std::numeric_limits<float>::quiet_NaN();

struct Branch {
  std::string mode = "LEAF";
  int64_t feature = 0;
  float value = 0;
  int64_t yes = 0;
  int64_t no = 0;
  bool missing = false;
  std::vector<std::pair<int64_t, float>> votes;
};

/// Trees by id, nodes by id; ids have gaps.
using Forest = std::map<int64_t, std::map<int64_t, Branch>>;

int64_t grow(Random& random, std::map<int64_t, Branch>& tree, const Texts& modes, int64_t features,
             int64_t targets, int depth) {
  const int64_t id = std::ssize(tree) * 3 - 5;
  tree[id] = {};
  Branch node;
  if (depth > 0 && features > 0 && random.below(5) > 0) {
    node.mode = modes[random.below(modes.size())];
    node.feature = between(random, 0, features - 1);
    node.value = static_cast<float>(between(random, -2, 2));
    node.missing = coin(random);
    node.yes = grow(random, tree, modes, features, targets, depth - 1);
    node.no = grow(random, tree, modes, features, targets, depth - 1);
  } else {
    for (int64_t i = between(random, 0, 2); i > 0; --i) {
      node.votes.emplace_back(between(random, 0, targets - 1),
                              static_cast<float>(random.uniform(-1, 1)));
    }
  }
  tree[id] = node;
  return id;
}

Forest random_forest(Random& random, const Texts& modes, int64_t features, int64_t targets) {
  Forest forest;
  for (int64_t tree = between(random, 1, 21); tree > 0; --tree) {
    grow(random, forest[tree * 7], modes, features, targets, static_cast<int>(random.below(7)));
  }
  return forest;
}

/// The lists in an order that isn't the trees'.
Attributes attributes_of(Random& random, const Forest& forest, const std::string& prefix,
                         bool missing = true) {
  std::vector<std::pair<int64_t, int64_t>> order;
  for (const auto& [tree, nodes] : forest) {
    for (const auto& [id, node] : nodes) order.emplace_back(tree, id);
  }
  random.shuffle(std::span(order));
  Ints trees, ids, features, yes, no, tracks, vote_trees, vote_ids, targets;
  Reals values, weights;
  Texts modes;
  for (const auto& [tree, id] : order) {
    const Branch& node = forest.at(tree).at(id);
    trees.push_back(tree), ids.push_back(id), features.push_back(node.feature);
    yes.push_back(node.yes), no.push_back(node.no), tracks.push_back(node.missing);
    values.push_back(node.value), modes.push_back(node.mode);
    for (const auto& [target, weight] : node.votes) {
      vote_trees.push_back(tree), vote_ids.push_back(id);
      targets.push_back(target), weights.push_back(weight);
    }
  }
  Attributes all = {{"nodes_treeids", trees},        {"nodes_nodeids", ids},
                    {"nodes_featureids", features},  {"nodes_truenodeids", yes},
                    {"nodes_falsenodeids", no},      {"nodes_values", values},
                    {"nodes_modes", modes},          {prefix + "_treeids", vote_trees},
                    {prefix + "_nodeids", vote_ids}, {prefix + "_ids", targets},
                    {prefix + "_weights", weights}};
  if (missing) all["nodes_missing_value_tracks_true"] = tracks;
  return all;
}

bool goes_yes(const Branch& node, double x, bool missing) {
  if (missing && node.missing && std::isnan(x)) return true;
  const double t = node.value;
  if (node.mode == "BRANCH_LEQ") return x <= t;
  if (node.mode == "BRANCH_LT") return x < t;
  if (node.mode == "BRANCH_GTE") return x >= t;
  if (node.mode == "BRANCH_GT") return x > t;
  if (node.mode == "BRANCH_EQ") return x == t;
  return x != t;
}

/// Per target: the votes of all trees for the row.
std::vector<std::vector<double>> votes(const Forest& forest, const Array& x, int64_t row,
                                       int64_t targets, bool missing = true) {
  std::vector<std::vector<double>> result(static_cast<size_t>(targets));
  for (const auto& [id, nodes] : forest) {
    const Branch* node = &nodes.at(-5);
    while (node->mode != "LEAF") {
      node = &nodes.at(goes_yes(*node, x({row, node->feature}), missing) ? node->yes : node->no);
    }
    for (const auto& [target, weight] : node->votes) {
      result[static_cast<size_t>(target)].push_back(weight);
    }
  }
  return result;
}

double aggregated(const std::string& how, const std::vector<double>& votes, size_t trees) {
  if (votes.empty()) return 0;
  if (how == "MIN") return *std::min_element(votes.begin(), votes.end());
  if (how == "MAX") return *std::max_element(votes.begin(), votes.end());
  double sum = 0;
  for (const double vote : votes) sum += vote;
  return how == "AVERAGE" ? sum / static_cast<double>(trees) : sum;
}

Tensor random_features(Random& random, DType dtype, const Shape& shape) {
  Tensor x = random_tensor(random, DType::i32, shape, -3, 3).cast(DType::f64);
  for (double& value : x.mutable_data<double>()) {
    if (is_floating(dtype) && random.below(8) == 0) value = nan;
    if (is_floating(dtype) && random.below(16) == 0) value = std::copysign(INFINITY, value);
  }
  return x.cast(dtype);
}

void expect_regression(Random& random, const Texts& modes, DType dtype, const std::string& how,
                       bool missing) {
  const int64_t features = between(random, 0, 5);
  const int64_t targets = between(random, 1, 3);
  const Forest forest = random_forest(random, modes, features, targets);
  const Tensor x = random_features(random, dtype, {between(random, 0, 7), features});
  Call call{"TreeEnsembleRegressor", {x}, attributes_of(random, forest, "target", missing)};
  call.domain = "ai.onnx.ml";
  call.attributes["n_targets"] = targets;
  call.attributes["aggregate_function"] = how;
  Reals base(static_cast<size_t>(targets));
  if (coin(random)) {
    for (float& value : base) value = static_cast<float>(random.uniform(-1, 1));
    call.attributes["base_values"] = base;
  }
  const Array values(x);
  const Array expected = Array::made({x.shape()[0], targets}, [&](const Index& at) {
    const auto target = static_cast<size_t>(at[1]);
    const auto all = votes(forest, values, at[0], targets, missing);
    return base[target] + aggregated(how, all[target], forest.size());
  });
  SCOPED_TRACE(call.describe());
  expect_close(run(call)[0], DType::f32, expected);
}

TEST(MlOperators, TreeEnsembleRegressor_WalksEveryKindOfBranch) {
  Random random(400);
  const std::vector<Texts> mixes = {
      {"BRANCH_LEQ"},
      {"BRANCH_LT"},
      {"BRANCH_GT"},
      {"BRANCH_LEQ", "BRANCH_LT"},
      {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"}};
  for (const Texts& modes : mixes) {
    for (const DType dtype : types_of("TreeEnsembleRegressor", "ai.onnx.ml")) {
      for (const std::string how : {"SUM", "AVERAGE", "MIN", "MAX"}) {
        for (const bool missing : {false, true}) {
          for (int i = 0; i < 3; ++i) expect_regression(random, modes, dtype, how, missing);
        }
      }
    }
  }
}

/// Two leaves below x[0] <= value (or another mode); leaf votes are 1 and 2 for target 0.
Attributes stump(const std::string& prefix, const std::string& mode = "BRANCH_LEQ", float value = 0,
                 float yes = 1, float no = 2) {
  return {{"nodes_treeids", Ints{0, 0, 0}},
          {"nodes_nodeids", Ints{0, 1, 2}},
          {"nodes_featureids", Ints{0, 0, 0}},
          {"nodes_truenodeids", Ints{1, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 0, 0}},
          {"nodes_values", Reals{value, 0, 0}},
          {"nodes_modes", Texts{mode, "LEAF", "LEAF"}},
          {prefix + "_treeids", Ints{0, 0}},
          {prefix + "_nodeids", Ints{1, 2}},
          {prefix + "_ids", Ints{0, 0}},
          {prefix + "_weights", Reals{yes, no}}};
}

Call regressor(const Tensor& x, Attributes attributes) {
  attributes.emplace("n_targets", int64_t{1});
  return {"TreeEnsembleRegressor", {x}, std::move(attributes), 1, "ai.onnx.ml", {}};
}

TEST(MlOperators, TreeEnsembleRegressor_ComparesAtTheEdges) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float infinity = std::numeric_limits<float>::infinity();
  const Reals points = {-infinity, -1, -tiny, -0.0f, 0, tiny, 1, infinity, nan};
  const Tensor x = Tensor::from<float>({std::ssize(points), 1}, points);
  for (const float value : {-infinity, -tiny, -0.0f, 0.0f, tiny, 1.0f, infinity}) {
    for (const std::string mode : {"LEQ", "LT", "GTE", "GT", "EQ", "NEQ"}) {
      const Branch node{"BRANCH_" + mode, 0, value, 1, 2, false, {}};
      const auto expected = Array::made({std::ssize(points), 1}, [&](const Index& at) {
        return goes_yes(node, points[static_cast<size_t>(at[0])], false) ? 1.0 : 2.0;
      });
      SCOPED_TRACE(mode + " " + std::to_string(value));
      expect_close(run(regressor(x, stump("target", node.mode, value)))[0], DType::f32, expected);
    }
  }
}

TEST(MlOperators, TreeEnsembleRegressor_ReadsTensorsOfDoublesAndOneRow) {
  Attributes attributes = stump("target");
  attributes.erase("nodes_values");
  attributes["nodes_values_as_tensor"] = Tensor::from<double>({3}, {1 + 1e-12, 0, 0});
  const Tensor above = Tensor::from<double>({1}, std::vector<double>{1 + 2e-12});
  EXPECT_EQ(Array(run(regressor(above, attributes))[0]).values(), std::vector<double>{2});
  const Tensor below = Tensor::from<float>({1}, std::vector<float>{1});
  EXPECT_EQ(Array(run(regressor(below, attributes))[0]).values(), std::vector<double>{1});
  attributes["nodes_values"] = Reals{0, 0, 0};
  expect_refused(regressor(below, attributes), "has both");
}

/// P(standard normal <= x)
double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

std::vector<double> transformed(const std::string& how, std::vector<double> scores) {
  double sum = 0;
  for (const double score : scores) {
    sum += how == "SOFTMAX_ZERO" && score == 0 ? 0 : std::exp(score);
  }
  for (double& score : scores) {
    if (how == "LOGISTIC") score = 1 / (1 + std::exp(-score));
    if (how == "SOFTMAX") score = std::exp(score) / sum;
    if (how == "SOFTMAX_ZERO") score = score == 0 ? 0 : std::exp(score) / sum;
  }
  return scores;
}

TEST(MlOperators, TreeEnsembleRegressor_Transforms) {
  const Tensor x = Tensor::from<float>({1, 1}, std::vector<float>{0});
  Attributes attributes = stump("target");
  attributes["n_targets"] = int64_t{3};
  attributes["base_values"] = Reals{-1.25f, 0.5f, 0};
  for (const std::string how : {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"}) {
    attributes["post_transform"] = how;
    const std::vector<double> wanted = transformed(how, {-0.25, 0.5, 0});
    SCOPED_TRACE(how);
    expect_close(run(regressor(x, attributes))[0], DType::f32,
                 Array::made({1, 3}, [&](const Index& at) { return wanted[size_t(at[1])]; }));
  }
  attributes = stump("target");
  attributes["post_transform"] = "PROBIT";
  for (const float p : {1e-30f, 1e-6f, 0.02f, 0.3f, 0.5f, 0.7f, 0.99f}) {
    attributes["target_weights"] = Reals{p, 0};
    const double y = Array(run(regressor(x, attributes))[0]).values()[0];
    EXPECT_NEAR(normal_cdf(y) / p, 1, 1e-4) << p;
  }
  attributes["target_weights"] = Reals{1.5f, 0};
  EXPECT_TRUE(std::isnan(Array(run(regressor(x, attributes))[0]).values()[0]));
}

TEST(MlOperators, TreeEnsembleRegressor_RefusesWhatIsNotATree) {
  const Tensor x(DType::f32, {2, 1});
  const auto refused = [&](const std::string& key, const Attribute& value,
                           const std::string& reason) {
    Attributes attributes = stump("target");
    attributes[key] = value;
    SCOPED_TRACE(key);
    expect_refused(regressor(x, attributes), reason);
  };
  refused("nodes_nodeids", Ints{0, 1, 1}, "given twice");
  refused("nodes_nodeids", Ints{0, 1}, "has 2 elements");
  refused("nodes_treeids", Ints{0, 0, 1}, "isn't there");
  refused("nodes_truenodeids", Ints{7, 0, 0}, "node 7 of tree 0, which isn't there");
  refused("nodes_truenodeids", Ints{0, 0, 0}, "cycle");
  refused("nodes_truenodeids", Ints{2, 0, 0}, "two parents");
  refused("nodes_featureids", Ints{1, 0, 0}, "feature");
  refused("nodes_featureids", Ints{-1, 0, 0}, "feature");
  refused("nodes_featureids", Ints{int64_t{1} << 40, 0, 0}, "feature");
  refused("nodes_values", Reals{nan, 0, 0}, "compares with NaN");
  refused("nodes_values", Reals{0, 0}, "has 2 elements");
  refused("nodes_modes", Texts{"BRANCH_LEQ", "LEAF", "BRUNCH"}, "BRUNCH");
  refused("nodes_modes", Texts{"LEAF", "LEAF", "LEAF"}, "3 nodes without a parent");
  refused("nodes_missing_value_tracks_true", Ints{1}, "has 1 elements");
  refused("target_ids", Ints{0, 1}, "target_ids");
  refused("target_ids", Ints{0, -1}, "target_ids");
  refused("target_ids", Ints{0}, "has 1 elements");
  refused("target_nodeids", Ints{0, 1}, "has a weight");
  refused("target_nodeids", Ints{1, 5}, "isn't there");
  refused("target_weights", Reals{1}, "has 1 elements");
  refused("n_targets", int64_t{0}, "n_targets");
  refused("base_values", Reals{1, 2}, "base_values");
  refused("aggregate_function", "MEDIAN", "MEDIAN");
  refused("post_transform", "ARGMAX", "ARGMAX");
  refused("nodes_values_as_tensor", Tensor(DType::f64, {3}), "has both");
  expect_refused(regressor(Tensor(DType::f32, {2, 0}), stump("target")), "feature");
  expect_refused(regressor(Tensor(DType::f32, {2, 1, 1}), stump("target")), "input 0");
  expect_refused(regressor(x, {}), "0 tree nodes");
  // A second tree whose nodes lead to each other beside a root of its own.
  Attributes cycle = {{"nodes_treeids", Ints{0, 0, 0, 0, 0}},
                      {"nodes_nodeids", Ints{0, 1, 2, 3, 4}},
                      {"nodes_featureids", Ints{0, 0, 0, 0, 0}},
                      {"nodes_truenodeids", Ints{0, 2, 1, 0, 0}},
                      {"nodes_falsenodeids", Ints{0, 3, 4, 0, 0}},
                      {"nodes_values", Reals{0, 0, 0, 0, 0}},
                      {"nodes_modes", Texts{"LEAF", "BRANCH_LT", "BRANCH_LT", "LEAF", "LEAF"}}};
  expect_refused(regressor(x, cycle), "cycle");
}

Call classifier(const Tensor& x, Attributes attributes, Ints labels) {
  attributes["classlabels_int64s"] = std::move(labels);
  return {"TreeEnsembleClassifier", {x}, std::move(attributes), 2, "ai.onnx.ml", {}};
}

TEST(MlOperators, TreeEnsembleClassifier_ChoosesTheBestClass) {
  Random random(401);
  for (const DType dtype : types_of("TreeEnsembleClassifier", "ai.onnx.ml")) {
    for (const std::string how : {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"}) {
      for (int round = 0; round < 6; ++round) {
        const int64_t classes = between(random, 3, 5);
        const Forest forest = random_forest(random, {"BRANCH_LEQ", "BRANCH_GT"}, 3, classes);
        const Tensor x = random_features(random, dtype, {between(random, 0, 5), 3});
        Ints labels;
        Reals base;
        for (int64_t i = 0; i < classes; ++i) {
          labels.push_back(100 - i * 7);
          base.push_back(static_cast<float>(random.uniform(-1, 1)));
        }
        Attributes attributes = attributes_of(random, forest, "class");
        attributes["post_transform"] = how;
        attributes["base_values"] = base;
        const Array values(x);
        Array wanted({x.shape()[0]});
        Array scores({x.shape()[0], classes});
        for (int64_t row = 0; row < x.shape()[0]; ++row) {
          const auto all = votes(forest, values, row, classes);
          std::vector<double> sums;
          for (size_t k = 0; k < all.size(); ++k) {
            sums.push_back(base[k] + aggregated("SUM", all[k], 0));
          }
          const auto best = std::max_element(sums.begin(), sums.end()) - sums.begin();
          wanted({row}) = static_cast<double>(labels[static_cast<size_t>(best)]);
          sums = transformed(how, sums);
          for (int64_t k = 0; k < classes; ++k) scores({row, k}) = sums[static_cast<size_t>(k)];
        }
        const auto found = run(classifier(x, attributes, labels));
        expect_close(found[0], DType::i64, wanted);
        expect_close(found[1], DType::f32, scores);
      }
    }
  }
}

/// The label and the two scores when only class 0 of two has a weight.
std::vector<double> binary(float weight, const std::string& transform, float other = 0,
                           const Reals& base = {}) {
  const Tensor x(DType::f32, {1, 1});
  Attributes attributes = stump("class", "BRANCH_LEQ", 0, weight, other);
  attributes["post_transform"] = transform;
  if (!base.empty()) attributes["base_values"] = base;
  const auto found = run(classifier(x, attributes, {30, 40}));
  std::vector<double> all = Array(found[0]).values();
  const Array scores(found[1]);
  all.insert(all.end(), scores.values().begin(), scores.values().end());
  return all;
}

TEST(MlOperators, TreeEnsembleClassifier_MakesTwoScoresOfOne) {
  using Row = std::vector<double>;
  EXPECT_EQ(binary(0.25f, "NONE"), (Row{30, 0.75, 0.25}));
  EXPECT_EQ(binary(0.75f, "NONE"), (Row{40, 0.25, 0.75}));
  EXPECT_EQ(binary(0.25f, "NONE", -1), (Row{40, -0.25, 0.25}));
  EXPECT_EQ(binary(-0.25f, "NONE"), (Row{30, 0.25, -0.25}));
  EXPECT_EQ(binary(0.25f, "NONE", 0, {0.5f}), (Row{40, 0.25, 0.75}));
  EXPECT_EQ(binary(0.25f, "NONE", 0, {9, 0.5f}), (Row{40, 0.25, 0.75}));
  for (const float weight : {-2.0f, 0.25f}) {
    const Row found = binary(weight, "LOGISTIC");
    EXPECT_EQ(found[0], weight > 0 ? 40 : 30);
    EXPECT_NEAR(found[1], 1 / (1 + std::exp(weight)), 1e-6);
    EXPECT_NEAR(found[2], 1 / (1 + std::exp(-weight)), 1e-6);
  }
}

TEST(MlOperators, TreeEnsembleClassifier_RefusesWhatDoesNotFit) {
  const Tensor x(DType::f32, {1, 1});
  Attributes texts = stump("class");
  texts["classlabels_strings"] = Texts{"cat", "dog"};
  expect_refused({"TreeEnsembleClassifier", {x}, texts, 2, "ai.onnx.ml"}, "labels are strings");
  expect_refused(classifier(x, stump("class"), {}), "0 class labels");
  expect_refused(classifier(x, stump("class"), {1}), "1 class labels");
  Attributes beyond = stump("class");
  beyond["class_ids"] = Ints{0, 2};
  expect_refused(classifier(x, beyond, {1, 2}), "class_ids");
  Attributes base = stump("class");
  base["base_values"] = Reals{1, 2, 3};
  expect_refused(classifier(x, base, {1, 2}), "base_values");
}

}  // namespace
}  // namespace betimes::graph
