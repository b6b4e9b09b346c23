#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/fit/variant.h"
#include "systems/search/interlayer-ptq/ordering.h"
#include "systems/search/interlayer-ptq/train_task.h"

namespace betimes::systems::interlayer_ptq {

/// How many images what is measured hangs on.
struct BenchImages {
  int64_t deciding = 2'000;   // validation images that accuracies are measured on
  int64_t calibration = 512;  // training images for ranges, scales and losses
  int64_t hessian = 256;      // training images for second derivatives
};

/// What the orders of one network are compared on: qualities with rounded layers, and latencies.
class Bench {
 public:
  /// `net` is trained; its norms are folded here.
  Bench(Net net, const learn::ImageSplits& data, const BenchImages& images);

  size_t layers() const { return net_->layers().size(); }
  const std::vector<std::string>& names() const { return names_; }
  std::vector<int64_t> parameters() const;
  NetImpl& net() { return *net_; }
  const learn::ImageSplits& data() const { return data_; }
  const BenchImages& images() const { return images_; }

  /// Ranges and scales from training images chosen by the seed; forgets what was evaluated.
  void calibrate(uint64_t seed);
  /// Accuracy on the validation images that decide; remembered by configuration.
  double accuracy(const Configuration& bits);
  /// Loss over the calibration images beyond the unrounded network's.
  double added_loss(const std::vector<size_t>& layers, int bits);
  double test_accuracy(const Configuration& bits);

  /// Median latencies of these configurations with the layers of 8 and 4 bits in int8 and the
  /// others as the runtime has them (bf16 where the processor has it and `bf16`, else fp32),
  /// measured interleaved; 4 bits have no kernel: half of such a layer's int8 time is taken off.
  struct Cost {
    double measured_ms = 0;  // 4 bits as int8
    double modelled_ms = 0;  // 4 bits at half of int8
  };
  std::vector<Cost> latencies(const std::vector<Configuration>& configurations, bool bf16,
                              double seconds, uint64_t seed);

 private:
  void set(const Configuration& bits);
  fit::Assignment assignment(const Configuration& bits, bool bf16) const;

  Net net_;
  const learn::ImageSplits& data_;
  BenchImages images_;
  std::vector<std::string> names_;
  at::Tensor calibration_images_, calibration_labels_;
  double base_loss_ = 0;
  std::map<Configuration, double> known_;
  std::unique_ptr<fit::Variants> variants_;
  std::vector<std::string> nodes_;  // of the graph, one a layer
};

/// Hessian scores E_l = Tr(H_l) / (2 n_l) |d_l|^2 by Hutchinson's estimator, and the sums over m of
/// |d_l H_lm d_m| (variant A), on the calibration images.
struct HessianScores {
  std::vector<double> own;    // E_l
  std::vector<double> cross;  // D_l
  double off_diagonal = 0;    // share of |M_lm|, l != m, in all |M|
};
HessianScores hessian_scores(Bench& bench, int bits, int draws, uint64_t seed);

}  // namespace betimes::systems::interlayer_ptq
