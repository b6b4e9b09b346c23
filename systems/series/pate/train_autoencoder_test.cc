#include "systems/series/pate/train_autoencoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/series/common/anomgen.h"

namespace betimes::systems::pate {
namespace {

judge::Series with_spikes() {
  series::AnomgenOptions options;
  options.points = 3000;
  options.anomalies = 5;
  options.kinds = {series::Anomaly::spike};
  return series::anomgen(options, 2);
}

TEST(Autoencoder, ScoresAnomaliesAboveTheRest) {
  const judge::Series series = with_spikes();
  const std::vector<double> found = autoencoder({100, 200, 1})->scores(series, 1);
  ASSERT_EQ(found.size(), series.points());
  double inside = 0, outside = 0, anomalous = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    (series.labels[i] ? inside : outside) += found[i];
    anomalous += series.labels[i];
  }
  inside /= anomalous;
  outside /= static_cast<double>(found.size()) - anomalous;
  EXPECT_GT(inside, 3 * outside);
}

TEST(Autoencoder, SameSeedSameScores) {
  const judge::Series series = with_spikes();
  const auto detector = autoencoder({50, 20, 1});
  EXPECT_EQ(detector->scores(series, 1), detector->scores(series, 1));
  EXPECT_NE(detector->scores(series, 1), detector->scores(series, 2));
}

TEST(Autoencoder, TakesWhatIsUgly) {
  for (const double score :
       autoencoder({100, 10, 1})->scores({"c", {std::vector<double>(40, 3)}, {}}, 1)) {
    EXPECT_TRUE(std::isfinite(score));
  }
  EXPECT_THROW(autoencoder()->scores({"short", {{1, 2, 3}}, {}}, 1), Error);
}

}  // namespace
}  // namespace betimes::systems::pate
