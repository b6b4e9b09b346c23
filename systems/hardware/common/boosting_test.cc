#include "systems/hardware/common/boosting.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/cost/boosted_trees.h"

namespace betimes::systems::hardware {
namespace {

struct Data {
  std::vector<double> rows, targets;
  size_t width = 3;
};

Data draw(size_t count, uint64_t seed) {
  Random random(seed);
  Data data;
  for (size_t i = 0; i < count; ++i) {
    // Few values, so that ties are common.
    for (size_t j = 0; j < data.width; ++j) {
      data.rows.push_back(static_cast<double>(random.below(6)));
    }
    const double* row = data.rows.data() + i * data.width;
    data.targets.push_back(row[0] * row[1] - 3 * (row[2] > 2) + 0.1 * random.normal());
  }
  return data;
}

/// A tree by trying every threshold on rows kept in lists; what it gives for each row.
void grow(const Data& data, const std::vector<size_t>& rows, const std::vector<double>& residuals,
          int depth, const BoostingOptions& options, std::vector<double>& given) {
  const auto worth = [&](const std::vector<size_t>& of) {
    double sum = 0;
    for (const size_t i : of) sum += residuals[i];
    return sum * sum / (static_cast<double>(of.size()) + options.lambda);
  };
  double best = 1e-12;
  std::vector<size_t> left, right;
  for (size_t feature = 0; depth < options.depth && feature < data.width; ++feature) {
    for (double threshold = 0.5; threshold < 6; ++threshold) {
      std::vector<size_t> a, b;
      for (const size_t i : rows) {
        (data.rows[i * data.width + feature] < threshold ? a : b).push_back(i);
      }
      if (a.size() < options.least || b.size() < options.least) continue;
      const double gain = worth(a) + worth(b) - worth(rows);
      if (gain <= best + 1e-9) continue;
      best = gain;
      left = a;
      right = b;
    }
  }
  if (!left.empty()) {
    grow(data, left, residuals, depth + 1, options, given);
    grow(data, right, residuals, depth + 1, options, given);
    return;
  }
  double sum = 0;
  for (const size_t i : rows) sum += residuals[i];
  for (const size_t i : rows) {
    given[i] = options.rate * sum / (static_cast<double>(rows.size()) + options.lambda);
  }
}

TEST(Boosting, IsWhatTryingEverySplitGives) {
  const Data data = draw(60, 1);
  BoostingOptions options;
  options.trees = 4;
  options.depth = 3;
  options.rate = 0.5;
  options.least = 3;
  const Boosting model(data.rows, data.targets, data.width, options);
  double base = 0;
  for (const double target : data.targets) base += target / static_cast<double>(60);
  std::vector<double> expected(60, base), residuals(60);
  std::vector<size_t> all(60);
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (int tree = 0; tree < options.trees; ++tree) {
    std::vector<double> given(60);
    for (size_t i = 0; i < 60; ++i) residuals[i] = data.targets[i] - expected[i];
    grow(data, all, residuals, 0, options, given);
    for (size_t i = 0; i < 60; ++i) expected[i] += given[i];
  }
  EXPECT_EQ(model.trees(), 4u);
  for (size_t i = 0; i < 60; ++i) {
    EXPECT_NEAR(model.predict(std::span(data.rows).subspan(3 * i, 3)), expected[i], 1e-9) << i;
  }
}

TEST(Boosting, LearnsWhatProductsAre) {
  const Data training = draw(800, 2), test = draw(200, 3);
  for (const double subsample : {1.0, 0.7}) {
    BoostingOptions options;
    options.subsample = subsample;
    const Boosting model(training.rows, training.targets, 3, options);
    double squares = 0;
    for (size_t i = 0; i < 200; ++i) {
      const double error = model.predict(std::span(test.rows).subspan(3 * i, 3)) - test.targets[i];
      squares += error * error / 200;
    }
    EXPECT_LT(std::sqrt(squares), 0.6) << "targets are 7 wide";
    const Boosting again(training.rows, training.targets, 3, options);
    EXPECT_EQ(model.predict(std::vector<double>{1, 2, 3}),
              again.predict(std::vector<double>{1, 2, 3}));
  }
}

TEST(Boosting, IsReadAsXgboostsOwn) {
  const Data data = draw(300, 4);
  BoostingOptions options;
  options.trees = 20;
  const Boosting model(data.rows, data.targets, 3, options);
  const auto read = cost::BoostedTrees::parse(model.json(), "trees");
  EXPECT_EQ(read.features(), 3u);
  EXPECT_EQ(read.trees(), 20u);
  for (size_t i = 0; i < 300; ++i) {
    const std::vector<float> row(data.rows.begin() + static_cast<int64_t>(3 * i),
                                 data.rows.begin() + static_cast<int64_t>(3 * i + 3));
    EXPECT_NEAR(double{read.predict(row)}, model.predict(std::span(data.rows).subspan(3 * i, 3)),
                1e-4);
  }
}

TEST(Boosting, OneValueIsALeaf) {
  const Boosting model(std::vector<double>{1, 1, 1}, std::vector<double>{4, 4, 4}, 1, {});
  EXPECT_EQ(model.predict(std::vector<double>{9}), 4);
}

TEST(Boosting, NonsenseIsRefused) {
  const std::vector<double> rows = {1, 2, 3, 4}, targets = {1, 2};
  EXPECT_THROW(Boosting(rows, targets, 3, {}), Error);
  EXPECT_THROW(Boosting(rows, targets, 0, {}), Error);
  EXPECT_THROW(Boosting({}, {}, 2, {}), Error);
  EXPECT_THROW(Boosting(rows, std::vector<double>{1, NAN}, 2, {}), Error);
  BoostingOptions none;
  none.trees = 0;
  EXPECT_THROW(Boosting(rows, targets, 2, none), Error);
  none = {};
  none.subsample = 0;
  EXPECT_THROW(Boosting(rows, targets, 2, none), Error);
  const Boosting model(rows, targets, 2, {});
  EXPECT_THROW(model.predict(std::vector<double>{1}), Error);
}

}  // namespace
}  // namespace betimes::systems::hardware
