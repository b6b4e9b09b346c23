#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace betimes::cost {

/// Gradient-boosted regression trees as XGBoost 1.x saves them in JSON (booster gbtree, numeric
/// splits, objective reg:squarederror), flattened, so that predicting needs no XGBoost.
class BoostedTrees {
 public:
  struct Node {
    float value = 0;    // of a split: less goes left; of a leaf: its part of the sum
    int32_t left = -1;  // -1: a leaf
    int32_t right = -1;
    uint32_t feature = 0;
    bool missing_left = false;
  };

  /// Throws Error naming the file for anything malformed: no such model, nodes that don't make
  /// trees, features out of range, numbers that aren't finite, more than ten million nodes.
  static BoostedTrees read(const std::string& path);
  /// The same from memory; `where` names the source in messages.
  static BoostedTrees parse(const std::string& text, const std::string& where);

  size_t features() const { return features_; }
  size_t trees() const { return roots_.size(); }

  /// The sum of the leaves that `features` (as many as features()) fall into; NaN is a value that
  /// is missing. Throws Error for another number of features.
  float predict(std::span<const float> features) const;

 private:
  size_t features_ = 0;
  float base_ = 0;
  std::vector<Node> nodes_;
  std::vector<int32_t> roots_;
};

}  // namespace betimes::cost
