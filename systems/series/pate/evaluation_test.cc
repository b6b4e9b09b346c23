#include "systems/series/pate/evaluation.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"

namespace betimes::systems::pate {
namespace {

class EvaluationTest : public ::testing::Test {
 protected:
  std::unique_ptr<fit::Workload> workload_ = open_evaluation({});

  double quality(const std::string& method, int64_t thresholds, int64_t splits) {
    workload_->apply({{"method", method}, {"thresholds", thresholds}, {"splits", splits}});
    workload_->run();
    return workload_->quality(fit::Part::test).value;
  }
};

TEST_F(EvaluationTest, TheFinestSettingIsExactAndOthersAreNear) {
  EXPECT_DOUBLE_EQ(quality("incremental", 0, 5), 1);
  const double coarse = quality("incremental", 50, 1);
  EXPECT_LT(coarse, 1);
  EXPECT_GT(coarse, 0.5);
  EXPECT_GT(quality("incremental", 250, 5), quality("incremental", 50, 5));
}

TEST_F(EvaluationTest, TheMethodDoesNotChangeTheScore) {
  EXPECT_NEAR(quality("definition", 50, 2), quality("incremental", 50, 2), 1e-9);
}

TEST_F(EvaluationTest, RefusesOtherSettings) {
  EXPECT_THROW(workload_->apply({}), Error);
  fit::Setting setting = workload_->knobs().standard();
  setting["thresholds"] = int64_t{100};
  EXPECT_THROW(workload_->apply(setting), Error);
}

TEST_F(EvaluationTest, PartsDiffer) {
  workload_->apply({{"method", std::string("incremental")},
                    {"thresholds", int64_t{50}},
                    {"splits", int64_t{1}}});
  EXPECT_NE(workload_->quality(fit::Part::test).value,
            workload_->quality(fit::Part::validation).value);
  EXPECT_EQ(workload_->quality(fit::Part::test).examples, 8);
}

}  // namespace
}  // namespace betimes::systems::pate
