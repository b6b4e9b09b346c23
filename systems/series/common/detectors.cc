#include "systems/series/common/detectors.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/judge/rhythm.h"
#include "systems/series/common/windows.h"

namespace betimes::systems::series {
namespace {

class Named : public judge::Detector {
 public:
  Named(std::string name, std::string summary)
      : name_(std::move(name)), summary_(std::move(summary)) {}
  std::string name() const override { return name_; }
  std::string summary() const override { return summary_; }

 private:
  std::string name_, summary_;
};

class RandomScores : public Named {
 public:
  RandomScores() : Named("random", "uniform noise: what knows nothing gets") {}
  std::vector<double> scores(const judge::Series& series, uint64_t seed) const override {
    judge::check(series);
    Random random(seed);
    std::vector<double> found(series.points());
    for (double& score : found) score = random.uniform();
    return found;
  }
};

class Perfect : public Named {
 public:
  Perfect() : Named("perfect", "the labels themselves: the most that a metric gives") {}
  std::vector<double> scores(const judge::Series& series, uint64_t) const override {
    judge::check(series);
    if (series.labels.empty()) throw Error("detector 'perfect'", "needs labels");
    return {series.labels.begin(), series.labels.end()};
  }
};

/// Detectors whose score is the size of a residual, one a column and point.
class Residual : public Named {
 public:
  using Named::Named;
  std::vector<double> scores(const judge::Series& series, uint64_t) const override {
    std::vector<double> sums(series.points());
    for (const std::vector<double>& column : standardized(series)) {
      const std::vector<double> residuals = residual(column);
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += residuals[i] * residuals[i];
    }
    for (double& sum : sums) sum = std::sqrt(sum);
    return sums;
  }

 protected:
  virtual std::vector<double> residual(const std::vector<double>& x) const = 0;
};

class ZScore : public Residual {
 public:
  ZScore() : Residual("z-score", "values far from the mean") {}

 protected:
  std::vector<double> residual(const std::vector<double>& x) const override { return x; }
};

class MovingAverage : public Residual {
 public:
  explicit MovingAverage(int64_t window)
      : Residual("moving-average", "values far from the mean of those before"),
        window_(static_cast<size_t>(window)) {}

 protected:
  std::vector<double> residual(const std::vector<double>& x) const override {
    std::vector<double> found(x.size());
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t before = std::min(i, window_);
      if (before > 0) found[i] = x[i] - sum / static_cast<double>(before);
      sum += x[i];
      if (i >= window_) sum -= x[i - window_];
    }
    return found;
  }

 private:
  size_t window_;
};

class Autoregression : public Residual {
 public:
  explicit Autoregression(int64_t order)
      : Residual("autoregression", "values that a linear forecast from those before misses"),
        order_(order) {}

 protected:
  std::vector<double> residual(const std::vector<double>& x) const override {
    const std::vector<double> a = autoregression(x, order_);
    std::vector<double> found(x.size());
    for (size_t i = a.size(); i < x.size(); ++i) {
      double forecast = 0;
      for (size_t lag = 1; lag <= a.size(); ++lag) forecast += a[lag - 1] * x[i - lag];
      found[i] = x[i] - forecast;
    }
    return found;
  }

 private:
  int64_t order_;
};

class SeasonalNaive : public Residual {
 public:
  SeasonalNaive() : Residual("seasonal-naive", "values unlike those one period before") {}

 protected:
  std::vector<double> residual(const std::vector<double>& x) const override {
    const auto period = static_cast<size_t>(judge::rhythm(x));
    std::vector<double> found(x.size());
    for (size_t i = period; i < x.size(); ++i) found[i] = x[i] - x[i - period];
    return found;
  }
};

/// Principal components of windows: what those that hold nine tenths of the variance leave.
class WindowPca : public Named {
 public:
  explicit WindowPca(int64_t window)
      : Named("pca", "windows unlike the main directions in which windows differ"),
        window_(window) {}

  std::vector<double> scores(const judge::Series& series, uint64_t) const override {
    const Windows windows(series, window_);
    const auto found = decompose(windows);
    const auto& mean = found.first;
    const auto& components = found.second;
    PointScores points(windows);
    over_blocks(windows, [&](int64_t first, const Eigen::MatrixXf& block) {
      const Eigen::MatrixXf centred = block.colwise() - mean;
      const Eigen::MatrixXf left = centred - components * (components.transpose() * centred);
      points.add(first, block.cols(), {left.data(), static_cast<size_t>(left.size())});
    });
    return points.scores();
  }

 private:
  static constexpr double kept_variance = 0.9;
  static constexpr int64_t block_size = 1024;

  /// Windows as the columns of matrices.
  template <class F>
  static void over_blocks(const Windows& windows, F use) {
    for (int64_t first = 0; first < windows.count(); first += block_size) {
      const int64_t count = std::min(block_size, windows.count() - first);
      Eigen::MatrixXf block(windows.width(), count);
      windows.copy(first, count, {block.data(), static_cast<size_t>(block.size())});
      use(first, block);
    }
  }

  static std::pair<Eigen::VectorXf, Eigen::MatrixXf> decompose(const Windows& windows) {
    const auto width = static_cast<Eigen::Index>(windows.width());
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(width);
    Eigen::MatrixXd products = Eigen::MatrixXd::Zero(width, width);
    over_blocks(windows, [&](int64_t, const Eigen::MatrixXf& block) {
      const Eigen::MatrixXd exact = block.cast<double>();
      sum += exact.rowwise().sum();
      products.selfadjointView<Eigen::Lower>().rankUpdate(exact);
    });
    const auto count = static_cast<double>(windows.count());
    const Eigen::VectorXd mean = sum / count;
    products.selfadjointView<Eigen::Lower>().rankUpdate(mean, -count);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(products);  // reads the lower half
    const Eigen::VectorXd variances = solver.eigenvalues().cwiseMax(0);     // rising
    double wanted = kept_variance * variances.sum();
    Eigen::Index kept = 0;
    while (kept < width && wanted > 0) wanted -= variances[width - ++kept];
    return {mean.cast<float>(), solver.eigenvectors().rightCols(kept).cast<float>()};
  }

  int64_t window_;
};

}  // namespace

std::vector<double> autoregression(const std::vector<double>& values, int64_t order) {
  const int64_t p = std::clamp<int64_t>(order, 0, static_cast<int64_t>(values.size()) / 4);
  Eigen::VectorXd covariance(p + 1);
  for (int64_t lag = 0; lag <= p; ++lag) {
    double sum = 0;
    for (size_t i = static_cast<size_t>(lag); i < values.size(); ++i) {
      sum += values[i] * values[i - static_cast<size_t>(lag)];
    }
    covariance[lag] = sum;
  }
  std::vector<double> found(static_cast<size_t>(p));
  if (p == 0 || covariance[0] <= 0) return found;
  Eigen::MatrixXd matrix(p, p);
  for (int64_t i = 0; i < p; ++i) {
    for (int64_t j = 0; j < p; ++j) matrix(i, j) = covariance[std::abs(i - j)];
  }
  // A series without noise makes the equations singular; a trace of noise picks one of the answers.
  matrix.diagonal().array() += 1e-9 * covariance[0];
  Eigen::Map<Eigen::VectorXd>(found.data(), p) = matrix.ldlt().solve(covariance.tail(p));
  return found;
}

std::vector<std::unique_ptr<judge::Detector>> detectors(const DetectorOptions& options) {
  if (options.window < 2 || options.order < 1) {
    throw Error("detector options", "window or order are too small", "2 and 1 or more");
  }
  std::vector<std::unique_ptr<judge::Detector>> all;
  all.push_back(std::make_unique<RandomScores>());
  all.push_back(std::make_unique<Perfect>());
  all.push_back(std::make_unique<ZScore>());
  all.push_back(std::make_unique<MovingAverage>(options.window));
  all.push_back(std::make_unique<Autoregression>(options.order));
  all.push_back(std::make_unique<SeasonalNaive>());
  all.push_back(std::make_unique<WindowPca>(options.window));
  return all;
}

}  // namespace betimes::systems::series
