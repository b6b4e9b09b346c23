#include "betimes/cost/boosted_trees.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::cost {
namespace {

using Json = nlohmann::json;

// Four trees of three features as XGBoost 1.7.4 saved them, without the fields that nobody reads.
const char* const model =
    R"({"learner":{"attributes":{},"feature_names":[],"feature_types":[],)"
    R"("gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1",)"
    R"("num_trees":"4","size_leaf_vector":"0"},"tree_info":[0,0,0,0],)"
    R"("trees":[{"default_left":[1,1,1,1,1,1,1,0,0,0,0,0,0,0,0],"id":0,"left_children":[1,3,5,)"
    R"(7,9,11,13,-1,-1,-1,-1,-1,-1,-1,-1],"right_children":[2,4,6,8,10,12,14,-1,-1,-1,-1,-1,-1,)"
    R"(-1,-1],"split_conditions":[0.4890391,0.4992361,0.4858144,0.2763702,0.67692435,0.6493827,)"
    R"(0.96015203,-0.13019596,0.070692204,0.40874258,0.14562052,0.16795784,0.43091545,)"
    R"(0.76090217,0.18760338],"split_indices":[0,2,2,0,1,0,1,0,0,0,0,0,0,0,0],"split_type":[0,)"
    R"(0,0,0,0,0,0,0,0,0,0,0,0,0,0],"tree_param":{"num_deleted":"0","num_feature":"3",)"
    R"("num_nodes":"15","size_leaf_vector":"0"}},{"default_left":[1,1,1,1,1,0,1,0,0,0,0,0,0,0,)"
    R"(0],"id":1,"left_children":[1,3,5,7,9,11,13,-1,-1,-1,-1,-1,-1,-1,-1],"right_children":[2,)"
    R"(4,6,8,10,12,14,-1,-1,-1,-1,-1,-1,-1,-1],"split_conditions":[0.4890391,0.4807028,)"
    R"(0.5066781,0.70480704,0.14775613,0.6111331,0.63079274,0.015209565,-0.15943167,0.08828189,)"
    R"(0.26483694,0.29960194,0.11024773,0.3232173,0.516617],"split_indices":[0,2,2,1,0,1,0,0,0,)"
    R"(0,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],)"
    R"("tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"15",)"
    R"("size_leaf_vector":"0"}},{"default_left":[1,1,1,0,0,0,0,0,0,0,0,0,0,0,0],"id":2,)"
    R"("left_children":[1,3,5,7,9,11,13,-1,-1,-1,-1,-1,-1,-1,-1],"right_children":[2,4,6,8,10,)"
    R"(12,14,-1,-1,-1,-1,-1,-1,-1,-1],"split_conditions":[0.35160986,0.53429955,0.48592648,)"
    R"(0.48232165,0.76480854,0.61337864,0.65400815,0.010302587,-0.0947985,0.13839535,)"
    R"(-0.0021790029,0.1757145,0.037780613,0.32544914,0.17068355],"split_indices":[0,2,2,1,1,1,)"
    R"(1,0,0,0,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],)"
    R"("tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"15",)"
    R"("size_leaf_vector":"0"}},{"default_left":[1,0,1,1,1,0,1,0,0,0,0,0,0,0,0],"id":3,)"
    R"("left_children":[1,3,5,7,9,11,13,-1,-1,-1,-1,-1,-1,-1,-1],"right_children":[2,4,6,8,10,)"
    R"(12,14,-1,-1,-1,-1,-1,-1,-1,-1],"split_conditions":[0.589996,0.45029885,0.81573045,)"
    R"(0.18705195,0.47153443,0.36316532,0.9348257,0.045619607,0.12513547,-0.047018375,)"
    R"(0.033683207,0.17355952,0.065095544,0.22750898,-0.0046269298],"split_indices":[0,1,0,0,2,)"
    R"(1,1,0,0,0,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],)"
    R"("tree_param":{"num_deleted":"0","num_feature":"3","num_nodes":"15",)"
    R"("size_leaf_vector":"0"}}]},"name":"gbtree"},)"
    R"("learner_model_param":{"base_score":"2.5E-1","boost_from_average":"0","num_class":"0",)"
    R"("num_feature":"3","num_target":"1"},"objective":{"name":"reg:squarederror",)"
    R"("reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]})";

TEST(BoostedTrees, PredictWhatXgboostPredicts) {
  const BoostedTrees trees = BoostedTrees::parse(model, "x");
  EXPECT_EQ(trees.features(), 3u);
  EXPECT_EQ(trees.trees(), 4u);
  const struct {
    float features[3];
    float expected;
  } rows[] = {{{0.238780797f, 0.612491608f, 0.926981449f}, 1.09565794f},
              {{0.0493411422f, 0.3609851f, 0.053106308f}, 0.190935805f},
              {{0.0687839985f, 0.972805023f, 0.531250775f}, 0.42278713f},
              {{0.451857567f, 0.605035961f, 0.777417302f}, 1.28271174f},
              {{0.779812336f, 0.474107981f, 0.852143466f}, 1.91806388f},
              {{0.834201396f, 0.178849041f, 0.981763482f}, 2.08047724f},
              {{0.208793342f, NAN, 0.293845713f}, -0.00680326298f},
              {{0.336798072f, NAN, 0.38595283f}, 0.194084883f},
              {{0.912097931f, NAN, 0.586777508f}, 1.92571175f}};
  for (const auto& row : rows) EXPECT_NEAR(trees.predict(row.features), row.expected, 1e-6f);
  EXPECT_THROW(trees.predict(std::vector<float>(2)), Error);
}

template <class Change>
std::string refusal(const Change& change) {
  Json json = Json::parse(model);
  change(json["learner"]);
  try {
    BoostedTrees::parse(json.dump(), "x");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}
Json& tree(Json& learner) { return learner["gradient_booster"]["model"]["trees"][1]; }

TEST(BoostedTrees, RefuseWhatMakesNoTrees) {
  EXPECT_EQ(refusal([](Json&) {}), "accepted");
  EXPECT_THROW(BoostedTrees::parse("{", "x"), Error);
  EXPECT_THROW(BoostedTrees::parse("[]", "x"), Error);
  EXPECT_EQ(refusal([](Json& l) { l["objective"]["name"] = "binary:logistic"; }),
            "x: 'name' isn't supported (expected reg:squarederror)");
  EXPECT_EQ(refusal([](Json& l) { l["gradient_booster"]["name"] = "dart"; }),
            "x: 'name' isn't supported (expected gbtree)");
  EXPECT_EQ(refusal([](Json& l) { l["gradient_booster"]["model"]["trees"].clear(); }),
            "x: has no trees");
  EXPECT_EQ(refusal([](Json& l) { l["learner_model_param"]["base_score"] = "much"; }),
            "x: 'base_score' isn't a number");
  EXPECT_NE(refusal([](Json& l) {
              l["learner_model_param"]["num_feature"] = "1";
            }).find("tree 0: 'split_indices' holds a number that can't be (expected 0 to 0)"),
            std::string::npos);
  EXPECT_EQ(refusal([](Json& l) { tree(l)["left_children"][0] = 99; }),
            "x, tree 1: 'left_children' holds a number that can't be (expected -1 to 14)");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["left_children"][0] = -1; }),
            "x, tree 1: has a node with one child");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["left_children"][1] = 0; }),
            "x, tree 1: has a node with two parents");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["left_children"][1] = 2; }),
            "x, tree 1: has a node with two parents");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["split_conditions"][3] = nullptr; }),
            "x, tree 1: 'split_conditions' holds what isn't a number");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["split_conditions"].erase(3); }),
            "x, tree 1: 'split_conditions' isn't a list of 15");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["split_type"][0] = 1; }),
            "x, tree 1: splits by category (expected numeric splits)");
  EXPECT_EQ(refusal([](Json& l) { tree(l)["left_children"] = Json::array(); }),
            "x, tree 1: has no nodes or too many");
}

/// Whatever is accepted predicts a number and ends.
TEST(BoostedTrees, SurviveRandomChanges) {
  Random random(3);
  const char* const fields[] = {"left_children", "right_children", "split_indices", "default_left"};
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    Json json = Json::parse(model);
    Json& values = tree(json["learner"])[fields[random.below(4)]];
    values[random.below(values.size())] = static_cast<int64_t>(random.below(18)) - 2;
    try {
      const BoostedTrees trees = BoostedTrees::parse(json.dump(), "x");
      EXPECT_TRUE(std::isfinite(trees.predict(std::vector<float>{0.3f, NAN, 0.9f})));
      ++accepted;
    } catch (const Error&) {  // the expected answer to most
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace betimes::cost
