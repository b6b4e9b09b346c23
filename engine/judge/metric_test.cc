#include "betimes/judge/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "betimes/base/error.h"

namespace betimes::judge {
namespace {

const float nan = NAN;

struct Case {
  const char* what;
  const char* metric;
  std::vector<float> output;
  std::vector<float> reference;
  int64_t label;
  double score;
};

const Case cases[] = {
    {"best class", "top1", {1, 3, 2}, {}, 1, 1},
    {"second class", "top1", {1, 3, 2}, {}, 2, 0},
    {"a tie goes to the lower class", "top1", {3, 3, 2}, {}, 0, 1},
    {"so the higher loses it", "top1", {3, 3, 2}, {}, 1, 0},
    {"NaN is never right", "top1", {nan, 3, 2}, {}, 0, 0},
    {"NaN elsewhere doesn't win", "top1", {nan, 3, 2}, {}, 1, 1},
    {"class that isn't there", "top1", {1, 3, 2}, {}, 3, 0},
    {"negative class", "top1", {1, 3, 2}, {}, -1, 0},
    {"no output", "top1", {}, {}, 0, 0},
    {"fifth is in", "top5", {9, 8, 7, 6, 5, 4, 3}, {}, 4, 1},
    {"sixth is out", "top5", {9, 8, 7, 6, 5, 4, 3}, {}, 5, 0},
    {"ties at the edge: five equal and lower", "top5", {1, 1, 1, 1, 1, 1}, {}, 5, 0},
    {"same class by other scores", "agreement", {1, 3, 2}, {0, 9, -4}, -1, 1},
    {"other class", "agreement", {1, 3, 2}, {9, 0, 4}, -1, 0},
    {"nothing but NaN agrees with nothing", "agreement", {nan, nan}, {nan, nan}, -1, 0},
    {"same direction", "cosine", {1, 2}, {10, 20}, -1, 1},
    {"right angle", "cosine", {1, 0}, {0, 5}, -1, 0},
    {"sixty degrees", "cosine", {1, 0}, {0.5f, 0.8660254f}, -1, 0.5},
    {"opposite counts as none", "cosine", {1, 0}, {-1, 0}, -1, 0},
    {"both zero", "cosine", {0, 0}, {0, 0}, -1, 1},
    {"one zero", "cosine", {0, 0}, {1, 0}, -1, 0},
    {"NaN", "cosine", {nan, 0}, {1, 0}, -1, 0},
};

TEST(Metric, Scores) {
  for (const Case& c : cases) {
    EXPECT_NEAR(make_metric(c.metric)->score(c.output, c.reference, c.label), c.score, 1e-6)
        << c.metric << ": " << c.what;
  }
}

TEST(Metric, EveryNameMakesItself) {
  for (const std::string& name : metric_names()) EXPECT_EQ(make_metric(name)->name(), name);
  EXPECT_TRUE(make_metric("top1")->needs_labels());
  EXPECT_FALSE(make_metric("agreement")->needs_labels());
}

TEST(Metric, UnknownNameListsTheKnown) {
  try {
    make_metric("acuracy");
    FAIL();
  } catch (const Error& problem) {
    for (const std::string& name : metric_names()) {
      EXPECT_NE(std::string(problem.what()).find(name), std::string::npos) << problem.what();
    }
  }
}

TEST(Summarize, ProportionsHaveWilsonsInterval) {
  std::vector<double> scores(263, 0.0);
  std::fill_n(scores.begin(), 81, 1.0);
  const Quality quality = summarize(scores);
  EXPECT_NEAR(quality.value, 81.0 / 263, 1e-12);
  EXPECT_NEAR(quality.low, 0.2553, 6e-5);
  EXPECT_NEAR(quality.high, 0.3662, 6e-5);
  EXPECT_EQ(quality.examples, 263);
}

TEST(Summarize, AllRightIsNotCertainty) {
  const Quality quality = summarize(std::vector<double>(50, 1.0));
  EXPECT_EQ(quality.value, 1);
  EXPECT_LT(quality.low, 0.95);
  EXPECT_EQ(quality.high, 1);
}

TEST(Summarize, MeansHaveTheNormalInterval) {
  const Quality quality = summarize({0.5, 0.7, 0.6, 0.8});
  EXPECT_DOUBLE_EQ(quality.value, 0.65);
  EXPECT_NEAR(quality.high - quality.value, 1.959964 * 0.1290994 / 2, 1e-6);
  EXPECT_NEAR(quality.value - quality.low, quality.high - quality.value, 1e-12);
  EXPECT_LE(summarize({0.99, 1.0, 0.999}).high, 1);
}

TEST(Summarize, NothingIsUnknown) {
  const Quality quality = summarize({});
  EXPECT_EQ(quality.examples, 0);
  EXPECT_EQ(quality.low, 0);
  EXPECT_EQ(quality.high, 1);
}

Examples three() {
  Examples examples;
  examples.inputs = Tensor::from<float>({3, 2}, std::vector<float>{0, 1, 10, 11, 20, 21});
  examples.labels = {4, 5, 6};
  return examples;
}

TEST(Examples, Slice) {
  const Examples part = three().slice(1, 2);
  EXPECT_EQ(part.inputs.shape(), (Shape{2, 2}));
  EXPECT_EQ(part.inputs.data<float>()[0], 10);
  EXPECT_EQ(part.inputs.data<float>()[3], 21);
  EXPECT_EQ(part.labels, (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(three().slice(3, 0).size(), 0);
  Examples unlabelled = three();
  unlabelled.labels.clear();
  EXPECT_TRUE(unlabelled.slice(0, 2).labels.empty());
}

TEST(Examples, SliceOutsideIsAnError) {
  EXPECT_THROW(three().slice(-1, 1), Error);
  EXPECT_THROW(three().slice(0, 4), Error);
  EXPECT_THROW(three().slice(2, 2), Error);
  EXPECT_THROW(three().slice(1, INT64_MAX), Error);
  EXPECT_THROW(three().slice(1, -1), Error);
}

TEST(Examples, LabelsMustMatch) {
  Examples examples = three();
  EXPECT_NO_THROW(check_labels(examples, 7));
  EXPECT_THROW(check_labels(examples, 6), Error);
  examples.labels = {0, 1};
  EXPECT_THROW(check_labels(examples, 7), Error);
  examples.labels = {0, 1, -1};
  EXPECT_THROW(check_labels(examples, 7), Error);
  examples.labels.clear();
  EXPECT_NO_THROW(check_labels(examples, 7));
}

}  // namespace
}  // namespace betimes::judge
