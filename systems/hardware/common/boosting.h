#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace betimes::systems::hardware {

struct BoostingOptions {
  int trees = 200;
  int depth = 5;         // splits from the root to a leaf, at most
  double rate = 0.1;     // share of each tree's answer that counts
  double lambda = 1;     // shrinks leaves of few rows
  size_t least = 2;      // rows on either side of a split
  double subsample = 1;  // share of the rows that a tree sees
  uint64_t seed = 1;     // of the rows drawn
};

/// Gradient-boosted regression trees on the squared error (Friedman 2001) with exact splits and
/// leaves sum / (rows + lambda), as XGBoost (Chen and Guestrin 2016) has them for that loss. For
/// tables of some thousand rows.
class Boosting {
 public:
  Boosting() = default;
  /// `rows`: [targets.size(), width] numbers. Throws Error for none, for tables that don't fit each
  /// other, numbers that aren't finite and options that make no sense.
  Boosting(std::span<const double> rows, std::span<const double> targets, size_t width,
           const BoostingOptions& options);

  /// Throws Error for another number of features.
  double predict(std::span<const double> features) const;
  /// The model in single precision, as XGBoost writes it in JSON: what cost::BoostedTrees reads.
  std::string json() const;
  size_t width() const { return width_; }
  size_t trees() const { return roots_.size(); }

 private:
  struct Node {
    double value = 0;  // of a split: less goes left; of a leaf: what it adds
    size_t feature = 0;
    size_t left = 0, right = 0;  // 0: a leaf
  };
  friend class BoostingRun;

  size_t width_ = 0;
  double base_ = 0;
  std::vector<Node> nodes_;
  std::vector<size_t> roots_;
};

}  // namespace betimes::systems::hardware
