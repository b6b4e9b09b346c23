#include "betimes/cost/nas_bench_201.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "betimes/runtime/session.h"

namespace betimes::cost {
namespace {

double macs(const std::string& cell) {
  double sum = 0;
  const auto plan = runtime::compile(nas_bench_201("net", cell, false));
  for (const runtime::StepInfo& step : plan->steps()) sum += step.macs;
  return sum;
}

std::string cell_of(const std::string& op) {
  return "|" + op + "~0|+|" + op + "~0|" + op + "~1|+|" + op + "~0|" + op + "~1|" + op + "~2|";
}

// The stem, two reductions and the classifier, by hand.
constexpr double frame = 32. * 32 * 16 * 27 + 16. * 16 * 32 * (16 * 9 + 32 * 9 + 16) +
                         8. * 8 * 64 * (32 * 9 + 64 * 9 + 32) + 64 * 10;

TEST(NasBench201, HasTheOperationsThatItsCellSays) {
  EXPECT_EQ(macs(cell_of("skip_connect")), frame);
  // A stage is four times smaller in pixels and four times larger in channel pairs than the last.
  const double product = 32. * 32 * 16 * 16;
  EXPECT_EQ(macs(cell_of("nor_conv_1x1")), frame + 6 * 5 * 3 * product);
  EXPECT_EQ(macs(cell_of("nor_conv_3x3")), frame + 6 * 5 * 3 * 9 * product);
  // Published (NATS-Bench): 220.1 million operations, one a multiply-accumulate, pooling aside.
  EXPECT_NEAR(macs(cell_of("nor_conv_3x3")) / 220.12e6, 1, 0.01);
}

TEST(NasBench201, RunsWhateverReachesTheEnd) {
  for (const std::string& cell : {cell_of("none"), cell_of("avg_pool_3x3"),
                                  std::string("|none~0|+|none~0|nor_conv_1x1~1|+|none~0|"
                                              "skip_connect~1|nor_conv_3x3~2|")}) {
    runtime::Session session(runtime::compile(nas_bench_201("net", cell, false)));
    const TensorView input = session.inputs()[0];
    std::fill_n(input.as<float>(), input.size(), 0.5f);
    session.run();
    EXPECT_EQ(session.outputs()[0].size(), 10);
    for (int64_t i = 0; i < 10; ++i) {
      EXPECT_TRUE(std::isfinite(session.outputs()[0].as<float>()[i])) << cell;
    }
  }
}

TEST(NasBench201, WholeOnesComputeWhatLeadsNowhere) {
  const std::string dead = "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|";
  const auto count = [&](bool whole) {
    double sum = 0;
    const auto plan = runtime::compile(nas_bench_201("net", dead, whole));
    for (const runtime::StepInfo& step : plan->steps()) sum += step.macs;
    return sum;
  };
  const double product = 32. * 32 * 16 * 16;
  EXPECT_EQ(count(false), frame + 5 * 3 * 9 * product);
  EXPECT_EQ(count(true), frame + 5 * 3 * (9 + 1) * product);
}

TEST(NasBench201, OtherCellsAreRefused) {
  for (const std::string& bad : {std::string(""), std::string("|none~0|"),
                                 std::string("|none~1|+|none~0|none~1|+|none~0|none~1|none~2|"),
                                 std::string("|none~0|+|none~0|none~1|+|none~0|none~1|deep~2|"),
                                 std::string("|none|+|none~0|none~1|+|none~0|none~1|none~2|"),
                                 cell_of("none") + "+|none~0|none~1|none~2|none~3|"}) {
    EXPECT_THROW(nas_bench_201("net", bad, false), Error) << bad;
  }
}

TEST(NasBench201, TheTenReferencesAreOneSet) {
  const auto* const set = find_reference_set(published_set_name);
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->size(), 10u);
  for (const ReferenceNet& net : *set) EXPECT_EQ(net.make().name, net.name);
  EXPECT_EQ(find_reference_set("nobody's"), nullptr);
}

}  // namespace
}  // namespace betimes::cost
