#include "systems/hardware/common/boosting.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::hardware {
namespace {

constexpr size_t no_node = static_cast<size_t>(-1);

void check(std::span<const double> rows, std::span<const double> targets, size_t width,
           const BoostingOptions& options) {
  if (targets.empty() || width == 0 || rows.size() != targets.size() * width) {
    throw Error("boosted trees",
                fmt::format("{} features for {} targets", rows.size(), targets.size()),
                fmt::format("{} each", width));
  }
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::ranges::all_of(rows, finite) || !std::ranges::all_of(targets, finite)) {
    throw Error("boosted trees", "a feature or a target isn't finite");
  }
  if (options.trees < 1 || options.depth < 1 || !(options.rate > 0) || !(options.lambda >= 0) ||
      options.least < 1 || !(options.subsample > 0 && options.subsample <= 1)) {
    throw Error("boosted trees", "have options that make no sense",
                "trees, depth and least from 1, a rate, a subsample in (0, 1]");
  }
}

/// Of a node on its way: its rows, and the best split so far.
struct Growing {
  size_t node = 0;
  double sum = 0, count = 0;  // of residuals
  double gain = 1e-12;        // of the best split; less isn't worth one
  size_t feature = 0;
  double threshold = 0;
  // While one feature's values go by in order: what lies left of the present one.
  double left_sum = 0, left_count = 0, last = 0;
};

}  // namespace

/// One tree after the other, each level by level.
class BoostingRun {
 public:
  BoostingRun(Boosting& model, std::span<const double> rows, std::span<const double> targets,
              const BoostingOptions& options)
      : model_(model),
        rows_(rows),
        options_(options),
        random_(options.seed),
        residuals_(targets.begin(), targets.end()),
        place_(targets.size()) {
    for (double& residual : residuals_) residual -= model.base_;
    order_.resize(model.width_, std::vector<size_t>(targets.size()));
    for (size_t feature = 0; feature < model.width_; ++feature) {
      std::iota(order_[feature].begin(), order_[feature].end(), size_t{0});
      std::ranges::stable_sort(order_[feature], {}, [&](size_t i) { return at(i, feature); });
    }
  }

  void add_tree() {
    std::vector<Growing> level(1);
    level[0].node = model_.nodes_.size();
    model_.roots_.push_back(level[0].node);
    model_.nodes_.emplace_back();
    for (size_t i = 0; i < residuals_.size(); ++i) {
      const bool seen = options_.subsample == 1 || random_.uniform() < options_.subsample;
      place_[i] = seen ? 0 : no_node;
      if (!seen) continue;
      level[0].sum += residuals_[i];
      ++level[0].count;
    }
    for (int depth = 0; depth < options_.depth && !level.empty(); ++depth) {
      for (size_t feature = 0; feature < model_.width_; ++feature) scan(level, feature);
      level = split(level);
    }
    for (const Growing& leaf : level) finish(leaf);
    for (size_t i = 0; i < residuals_.size(); ++i) residuals_[i] -= answer(i);
  }

 private:
  double at(size_t row, size_t feature) const { return rows_[row * model_.width_ + feature]; }

  double worth(double sum, double count) const {
    return count > 0 ? sum * sum / (count + options_.lambda) : 0;
  }

  void scan(std::vector<Growing>& level, size_t feature) {
    for (Growing& each : level) each.left_sum = each.left_count = 0;
    const double least = static_cast<double>(options_.least);
    for (const size_t i : order_[feature]) {
      if (place_[i] == no_node) continue;
      Growing& own = level[place_[i]];
      const double value = at(i, feature);
      if (own.left_count >= least && value > own.last && own.count - own.left_count >= least) {
        const double gain = worth(own.left_sum, own.left_count) +
                            worth(own.sum - own.left_sum, own.count - own.left_count) -
                            worth(own.sum, own.count);
        if (gain > own.gain) {
          own.gain = gain;
          own.feature = feature;
          own.threshold = own.last + (value - own.last) / 2;
          if (own.threshold <= own.last) own.threshold = value;  // neighbours in double precision
        }
      }
      own.left_sum += residuals_[i];
      ++own.left_count;
      own.last = value;
    }
  }

  std::vector<Growing> split(const std::vector<Growing>& level) {
    std::vector<Growing> next;
    std::vector<size_t> child(level.size(),
                              no_node);  // the left one's place; the right one follows
    for (size_t i = 0; i < level.size(); ++i) {
      const Growing& own = level[i];
      if (own.gain <= 1e-12) {
        finish(own);
        continue;
      }
      child[i] = next.size();
      const size_t left = model_.nodes_.size();
      model_.nodes_[own.node] = {own.threshold, own.feature, left, left + 1};
      for (size_t side = 0; side < 2; ++side) {
        model_.nodes_.emplace_back();
        next.emplace_back();
        next.back().node = left + side;
      }
    }
    for (size_t i = 0; i < residuals_.size(); ++i) {
      if (place_[i] == no_node) continue;
      const Growing& own = level[place_[i]];
      size_t to = child[place_[i]];
      if (to != no_node) {
        to += at(i, own.feature) < own.threshold ? 0 : 1;
        next[to].sum += residuals_[i];
        ++next[to].count;
      }
      place_[i] = to;
    }
    return next;
  }

  void finish(const Growing& leaf) {
    model_.nodes_[leaf.node].value = options_.rate * leaf.sum / (leaf.count + options_.lambda);
  }

  double answer(size_t row) const {
    size_t node = model_.roots_.back();
    while (model_.nodes_[node].left != 0) {
      const Boosting::Node& here = model_.nodes_[node];
      node = at(row, here.feature) < here.value ? here.left : here.right;
    }
    return model_.nodes_[node].value;
  }

  Boosting& model_;
  std::span<const double> rows_;
  const BoostingOptions& options_;
  Random random_;
  std::vector<double> residuals_;
  std::vector<size_t> place_;               // of each row within the level; no_node: in none
  std::vector<std::vector<size_t>> order_;  // of each feature: rows from its least value up
};

Boosting::Boosting(std::span<const double> rows, std::span<const double> targets, size_t width,
                   const BoostingOptions& options)
    : width_(width) {
  check(rows, targets, width, options);
  base_ = mean(targets);
  BoostingRun run(*this, rows, targets, options);
  for (int i = 0; i < options.trees; ++i) run.add_tree();
}

double Boosting::predict(std::span<const double> features) const {
  if (features.size() != width_) {
    throw Error("boosted trees", fmt::format("were given {} features", features.size()),
                std::to_string(width_));
  }
  double sum = base_;
  for (size_t node : roots_) {
    while (nodes_[node].left != 0) {
      node = features[nodes_[node].feature] < nodes_[node].value ? nodes_[node].left
                                                                 : nodes_[node].right;
    }
    sum += nodes_[node].value;
  }
  return sum;
}

std::string Boosting::json() const {
  // Rounded up, so that a float goes the way it goes in double.
  const auto threshold = [](double value) {
    const auto rounded = static_cast<float>(value);
    return double{rounded} < value ? std::nextafter(rounded, INFINITY) : rounded;
  };
  nlohmann::json trees = nlohmann::json::array();
  for (const size_t root : roots_) {
    nlohmann::json tree;
    std::vector<size_t> order = {root};  // parents before their children, numbered anew
    for (size_t i = 0; i < order.size(); ++i) {
      const Node& node = nodes_[order[i]];
      const bool leaf = node.left == 0;
      const auto next = static_cast<int64_t>(order.size());
      tree["left_children"].push_back(leaf ? -1 : next);
      tree["right_children"].push_back(leaf ? -1 : next + 1);
      tree["split_conditions"].push_back(leaf ? static_cast<float>(node.value)
                                              : threshold(node.value));
      tree["split_indices"].push_back(leaf ? 0 : node.feature);
      tree["default_left"].push_back(0);
      tree["split_type"].push_back(0);
      if (!leaf) order.insert(order.end(), {node.left, node.right});
    }
    trees.push_back(std::move(tree));
  }
  const nlohmann::json model = {
      {"learner",
       {{"learner_model_param",
         {{"base_score", fmt::format("{}", static_cast<float>(base_))},
          {"num_feature", fmt::format("{}", width_)}}},
        {"objective", {{"name", "reg:squarederror"}}},
        {"gradient_booster", {{"name", "gbtree"}, {"model", {{"trees", std::move(trees)}}}}}}}};
  return model.dump();
}

}  // namespace betimes::systems::hardware
