#include "betimes/graph/operator.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "betimes/base/error.h"

namespace betimes::graph {
namespace {

/// The operator that a test is about, "" when it is about none. Tests of operators are in suites
/// whose names end in "Operators" (of domain "betimes": in "BetimesOperators"; of "ai.onnx.ml": in
/// "MlOperators"). Their names begin with the operator's: `TEST(MatrixOperators,
/// Gemm_ReadsTransposedInputs)`; or, where cases are data, either the test's or the case's does:
/// `MaxPool/large`, `ComputesWhatOnnxSays/Elu_alpha`.
std::string tested_operator(std::string suite, const std::string& test) {
  suite = suite.substr(suite.rfind('/') + 1);
  if (!suite.ends_with("Operators")) return {};
  const std::string domain = suite == "BetimesOperators" ? "betimes"
                             : suite == "MlOperators"    ? "ai.onnx.ml"
                                                         : "";
  const auto first_word = [](const std::string& text) { return text.substr(0, text.find('_')); };
  const size_t slash = test.find('/');
  std::string name = first_word(test.substr(0, slash));
  if (slash != std::string::npos && !operators().find(name, domain)) {
    name = first_word(test.substr(slash + 1));
  }
  return domain.empty() ? name : domain + "." + name;
}

std::set<std::string> tested_operators() {
  std::set<std::string> names;
  const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const ::testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); ++k) {
      names.insert(tested_operator(suite.name(), suite.GetTestInfo(k)->name()));
    }
  }
  names.erase("");
  return names;
}

std::set<std::string> registered_operators() {
  std::set<std::string> names;
  for (const Operator* op : operators().all()) {
    names.insert(op->domain.empty() ? op->name : op->domain + "." + op->name);
  }
  return names;
}

TEST(OperatorRegistry, HasATestForEachOperator) {
  const std::set<std::string> tested = tested_operators();
  for (const std::string& name : registered_operators()) {
    EXPECT_TRUE(tested.contains(name))
        << name << " is registered, and no test begins with its name";
  }
}

TEST(OperatorRegistry, HasEachOperatorThatATestNames) {
  const std::set<std::string> registered = registered_operators();
  for (const std::string& name : tested_operators()) {
    EXPECT_TRUE(registered.contains(name)) << name << " has a test, and isn't registered";
  }
}

TEST(OperatorRegistry, KnowsWhatATestIsAbout) {
  EXPECT_EQ(tested_operator("All/UnaryOperators", "Computes/Abs_special"), "Abs");
  EXPECT_EQ(tested_operator("All/PoolOperators", "MaxPool/large_one"), "MaxPool");
  EXPECT_EQ(tested_operator("BetimesOperators", "Conv_AddsAResidual"), "betimes.Conv");
  EXPECT_EQ(tested_operator("MlOperators", "Scaler_Scales"), "ai.onnx.ml.Scaler");
  EXPECT_EQ(tested_operator("OperatorRegistry", "KnowsWhatATestIsAbout"), "");
}

TEST(OperatorRegistry, FindsByNameAndDomain) {
  ASSERT_NE(operators().find("Conv"), nullptr);
  ASSERT_NE(operators().find("Conv", "betimes"), nullptr);
  EXPECT_NE(operators().find("Conv"), operators().find("Conv", "betimes"));
  EXPECT_EQ(operators().find("Relu", "betimes"), nullptr);
  EXPECT_EQ(operators().find("relu"), nullptr);
}

TEST(OperatorRegistry, NamesTheNodeOfAnUnknownOperator) {
  try {
    operators().get({"seven", "Frobnicate", "acme", {}, {}, {}});
    FAIL() << "was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "node seven");
    EXPECT_NE(std::string(error.what()).find("acme.Frobnicate"), std::string::npos);
  }
}

TEST(OperatorRegistry, RefusesASecondOperatorOfTheSameName) {
  OperatorRegistry registry;
  registry.add({.name = "Twice"});
  registry.add({.name = "Twice", .domain = "elsewhere"});
  EXPECT_THROW(registry.add({.name = "Twice"}), std::logic_error);
}

TEST(OperatorRegistry, EachOperatorSaysWhatItNeeds) {
  for (const Operator* op : operators().all()) {
    SCOPED_TRACE(op->name);
    EXPECT_TRUE(op->infer);
    EXPECT_TRUE(op->prepare);
    EXPECT_LE(1, op->min_outputs);
    EXPECT_TRUE(op->max_inputs < 0 || op->min_inputs <= op->max_inputs);
    EXPECT_TRUE(op->max_outputs < 0 || op->min_outputs <= op->max_outputs);
    std::set<std::string> attributes;
    for (const AttributeSpec& spec : op->attributes) {
      EXPECT_TRUE(attributes.insert(spec.name).second) << spec.name;
    }
  }
}

TEST(CheckSize, RefusesWhatIsTooLargeBeforeItIsAllocated) {
  EXPECT_NO_THROW(check_size("x", {DType::f32, {}}));
  EXPECT_NO_THROW(check_size("x", {DType::u8, {int64_t{1} << 33}}));
  EXPECT_THROW(check_size("x", {DType::u8, {(int64_t{1} << 33) + 1}}), Error);
  EXPECT_THROW(check_size("x", {DType::u8, {int64_t{1} << 62, int64_t{1} << 62}}), Error);
  // An extent of 0 doesn't excuse the others.
  EXPECT_THROW(check_size("x", {DType::f32, {0, int64_t{1} << 40}}), Error);
  EXPECT_THROW(check_size("x", {DType::f32, {2, -1}}), Error);
  EXPECT_NO_THROW(check_size("x", {DType::f32, Shape(max_rank, 1)}));
  EXPECT_THROW(check_size("x", {DType::f32, Shape(max_rank + 1, 1)}), Error);
}

}  // namespace
}  // namespace betimes::graph
