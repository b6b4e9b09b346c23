#include "systems/hardware/wa-hls4ml/baselines.h"

#include <Eigen/Dense>
#include <algorithm>

#include "betimes/base/error.h"
#include "systems/hardware/common/boosting.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr double ridge = 1e-6;  // strategies or io types that don't vary would make it singular

std::vector<Sample> synthesised(std::span<const Sample> samples) {
  std::vector<Sample> found;
  std::ranges::copy_if(samples, std::back_inserter(found),
                       [](const Sample& sample) { return sample.costs.has_value(); });
  if (found.empty()) throw Error("an estimator", "has nothing to be fitted to");
  return found;
}

class Mean : public Estimator {
 public:
  explicit Mean(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      for (size_t i = 0; i < targets; ++i) {
        mean_[i] += (*sample.costs)[i] / static_cast<double>(samples.size());
      }
    }
  }
  Costs predict(const Network&) const override { return mean_; }

 private:
  Costs mean_{};
};

class Linear : public Estimator {
 public:
  Linear(const std::vector<Sample>& samples, LabelScale scale)
      : labels_(fit_labels(samples, scale)) {
    const auto rows = static_cast<Eigen::Index>(samples.size());
    Eigen::MatrixXd x(rows, width), y(rows, static_cast<Eigen::Index>(targets));
    for (Eigen::Index i = 0; i < rows; ++i) {
      const Sample& sample = samples[static_cast<size_t>(i)];
      x.row(i) = inputs(sample.network);
      const auto labels = labels_.normalise(*sample.costs);
      for (size_t j = 0; j < targets; ++j) {
        y(i, static_cast<Eigen::Index>(j)) = double{labels[j]};
      }
    }
    const Eigen::MatrixXd square =
        x.transpose() * x + ridge * Eigen::MatrixXd::Identity(width, width);
    weights_ = square.ldlt().solve(x.transpose() * y);
  }
  Costs predict(const Network& network) const override {
    const Eigen::RowVectorXf found = (inputs(network) * weights_).cast<float>();
    return labels_.restore({found.data(), targets});
  }

 private:
  static constexpr Eigen::Index width = log_width + 1;
  static Eigen::RowVectorXd inputs(const Network& network) {
    const auto row = log_row(network);
    Eigen::RowVectorXd found(width);
    for (size_t i = 0; i < log_width; ++i) found[static_cast<Eigen::Index>(i)] = row[i];
    found[width - 1] = 1;
    return found;
  }

  LabelStats labels_;
  Eigen::MatrixXd weights_;  // [width, targets]
};

class Trees : public Estimator {
 public:
  Trees(const std::vector<Sample>& samples, LabelScale scale, int trees)
      : labels_(fit_labels(samples, scale)) {
    std::vector<double> rows;
    std::array<std::vector<double>, targets> columns;
    for (const Sample& sample : samples) {
      const auto row = log_row(sample.network);
      rows.insert(rows.end(), row.begin(), row.end());
      const auto labels = labels_.normalise(*sample.costs);
      for (size_t i = 0; i < targets; ++i) columns[i].push_back(double{labels[i]});
    }
    hardware::BoostingOptions options;
    options.trees = trees;
    options.depth = 6;
    for (size_t i = 0; i < targets; ++i) {
      models_[i] = hardware::Boosting(rows, columns[i], log_width, options);
    }
  }
  Costs predict(const Network& network) const override {
    const auto row = log_row(network);
    std::array<float, targets> found{};
    for (size_t i = 0; i < targets; ++i) found[i] = static_cast<float>(models_[i].predict(row));
    return labels_.restore(found);
  }

 private:
  LabelStats labels_;
  std::array<hardware::Boosting, targets> models_;
};

}  // namespace

std::vector<Costs> Estimator::predict_all(std::span<const Sample> samples) const {
  std::vector<Costs> found;
  for (const Sample& sample : samples) found.push_back(predict(sample.network));
  return found;
}

std::unique_ptr<Estimator> fit_mean(std::span<const Sample> samples) {
  return std::make_unique<Mean>(synthesised(samples));
}
std::unique_ptr<Estimator> fit_linear(std::span<const Sample> samples, LabelScale scale) {
  return std::make_unique<Linear>(synthesised(samples), scale);
}
std::unique_ptr<Estimator> fit_trees(std::span<const Sample> samples, LabelScale scale, int trees) {
  return std::make_unique<Trees>(synthesised(samples), scale, trees);
}

std::vector<Costs> true_costs(std::span<const Sample> samples) {
  std::vector<Costs> found;
  for (const Sample& sample : samples) {
    if (!sample.costs)
      throw Error(sizes_text(sample.network), "didn't synthesise: it has no costs");
    found.push_back(*sample.costs);
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
