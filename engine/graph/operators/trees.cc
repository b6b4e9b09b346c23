// Domain ai.onnx.ml: TreeEnsembleRegressor (3), TreeEnsembleClassifier (3).
#include "betimes/graph/detail/trees.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// The inverse of the standard normal distribution function; Newton's method on erfc, in the tail
/// where it loses no digits.
double probit(double p) {
  if (!(p >= 0 && p <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (p > 0.5) return -probit(1 - p);
  if (p == 0) return -std::numeric_limits<double>::infinity();
  const double root_two_pi = std::sqrt(2 * std::numbers::pi);
  double x = -std::sqrt(std::max(0.0, -2 * std::log(2 * p)));
  for (int i = 0; i < 60; ++i) {
    const double below = std::erfc(-x / std::numbers::sqrt2) / 2;
    const double slope = std::exp(-x * x / 2) / root_two_pi;
    // On the logarithm, which is concave, so that steps from below don't overshoot.
    const double step = below / slope * std::log(below / p);
    x -= step;
    if (!(std::fabs(step) > 1e-15 * std::fabs(x))) break;
  }
  return x;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

enum class Transform : uint8_t { none, softmax, logistic, softmax_zero, probit };

Transform transform_of(const NodeContext& context) {
  const std::string name = context.node.get("post_transform", "NONE");
  if (name == "SOFTMAX") return Transform::softmax;
  if (name == "LOGISTIC") return Transform::logistic;
  if (name == "SOFTMAX_ZERO") return Transform::softmax_zero;
  if (name == "PROBIT") return Transform::probit;
  if (name != "NONE") {
    fail(context, "post_transform is '" + name + "'",
         "NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT");
  }
  return Transform::none;
}

/// With `zeros`, scores of 0 stay 0 and don't count.
void softmax(std::vector<double>& scores, bool zeros) {
  const double most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) {
    score = zeros && score == 0 ? 0 : std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) score = sum == 0 ? 0 : score / sum;
}

void apply(Transform transform, std::vector<double>& scores) {
  switch (transform) {
    case Transform::none:
      return;
    case Transform::softmax:
    case Transform::softmax_zero:
      return softmax(scores, transform == Transform::softmax_zero);
    case Transform::logistic:
      for (double& score : scores) score = logistic(score);
      return;
    case Transform::probit:
      for (double& score : scores) score = probit(score);
      return;
  }
}

/// One row of features or several.
struct Rows {
  int64_t count = 1;
  int64_t features = 0;

  explicit Rows(const NodeContext& context) {
    require_rank(context, 0, 1, 2);
    const Shape& shape = context.shape(0);
    count = shape.size() == 1 ? 1 : shape[0];
    features = shape.back();
  }
};

/// finish(trees, x, row, outputs) for each row x of features, converted to what the thresholds are.
template <class T, class In, class F>
Evaluator over_rows(const NodeContext& context, Trees<T> trees, F finish) {
  // Walking reads a feature even in a tree of one leaf, so there is always one.
  const auto room = static_cast<size_t>(std::max<int64_t>(Rows(context).features, 1));
  return [rows = Rows(context), trees = std::move(trees), finish = std::move(finish),
          own = std::vector<T>(room)](auto inputs, auto outputs) mutable {
    const In* x = inputs[0].template as<const In>();
    for (int64_t row = 0; row < rows.count; ++row, x += rows.features) {
      if constexpr (std::is_same_v<In, T>) {
        finish(trees, rows.features > 0 ? x : own.data(), row, outputs);
      } else {
        std::transform(x, x + rows.features, own.begin(),
                       [](In value) { return static_cast<T>(value); });
        finish(trees, own.data(), row, outputs);
      }
    }
  };
}

using Features = Types<float, double, int32_t, int64_t>;

/// Single precision compares as the model's training did; everything else does so in double, which
/// holds both thresholds and integers.
template <class F>
Evaluator prepare_trees(const NodeContext& context, const std::string& prefix, int64_t targets,
                        F finish) {
  const int64_t features = Rows(context).features;
  return Features::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using In = decltype(zero);
    if constexpr (std::is_same_v<In, float>) {
      if (!context.node.has("nodes_values_as_tensor")) {
        return over_rows<float, In>(context, read_trees<float>(context, prefix, features, targets),
                                    std::move(finish));
      }
    }
    return over_rows<double, In>(context, read_trees<double>(context, prefix, features, targets),
                                 std::move(finish));
  });
}

/// add(target, weight) for all votes that x gets.
template <class T, class F>
void each_vote(const Trees<T>& trees, const T* x, F&& add) {
  const auto visit = [&](uint32_t leaf) {
    for (uint32_t i = trees.first[leaf]; i < trees.first[leaf + 1]; ++i) {
      add(static_cast<size_t>(trees.votes[i].target), trees.votes[i].weight);
    }
  };
  if (trees.plain) {
    each_leaf<true>(trees, x, visit);
  } else {
    each_leaf<false>(trees, x, visit);
  }
}

std::vector<double> base_values(const NodeContext& context, int64_t targets) {
  std::vector<double> base = real_list(context, "base_values");
  if (!base.empty() && std::ssize(base) != targets) {
    fail(context, "has " + std::to_string(base.size()) + " base_values", std::to_string(targets));
  }
  base.resize(static_cast<size_t>(targets));
  return base;
}

enum class Aggregate : uint8_t { sum, average, min, max };

Aggregate aggregate_of(const NodeContext& context) {
  const std::string name = context.node.get("aggregate_function", "SUM");
  if (name == "AVERAGE") return Aggregate::average;
  if (name == "MIN") return Aggregate::min;
  if (name == "MAX") return Aggregate::max;
  if (name != "SUM") {
    fail(context, "aggregate_function is '" + name + "'", "SUM, AVERAGE, MIN or MAX");
  }
  return Aggregate::sum;
}

constexpr int64_t max_targets = 1 << 24;

int64_t targets_of(const NodeContext& context) {
  return bounded(context, "n_targets", context.node.get("n_targets", int64_t{0}), 1, max_targets);
}

std::vector<TensorType> infer_regressor(const NodeContext& context) {
  aggregate_of(context);
  transform_of(context);
  base_values(context, targets_of(context));
  return one(DType::f32, {Rows(context).count, targets_of(context)});
}

/// Gathers a row's votes, adds the base values, transforms and writes.
struct Regression {
  Aggregate how;
  Transform transform;
  std::vector<double> base;
  std::vector<double> scores = std::vector<double>(base.size());
  std::vector<char> voted = std::vector<char>(base.size());

  template <class T>
  void operator()(const Trees<T>& trees, const T* x, int64_t row,
                  std::span<const TensorView> outputs) {
    std::fill(scores.begin(), scores.end(), 0.0);
    if (how == Aggregate::sum || how == Aggregate::average) {
      each_vote(trees, x, [&](size_t target, double weight) { scores[target] += weight; });
      const auto count = static_cast<double>(how == Aggregate::sum ? 1 : trees.roots.size());
      for (double& score : scores) score /= count;
    } else {
      std::fill(voted.begin(), voted.end(), char{0});
      each_vote(trees, x, [&](size_t target, double weight) {
        double& score = scores[target];
        const bool better = how == Aggregate::min ? weight < score : weight > score;
        if (!voted[target] || better) score = weight;
        voted[target] = 1;
      });
    }
    for (size_t i = 0; i < scores.size(); ++i) scores[i] += base[i];
    apply(transform, scores);
    float* y = outputs[0].as<float>() + row * std::ssize(scores);
    std::transform(scores.begin(), scores.end(), y, [](double v) { return static_cast<float>(v); });
  }
};

Evaluator prepare_regressor(const NodeContext& context, std::span<const TensorType>) {
  const int64_t targets = targets_of(context);
  return prepare_trees(
      context, "target", targets,
      Regression{aggregate_of(context), transform_of(context), base_values(context, targets)});
}

std::vector<int64_t> labels_of(const NodeContext& context) {
  if (context.node.has("classlabels_strings") &&
      !context.node.get("classlabels_strings", std::vector<std::string>{}).empty()) {
    fail(context, "its class labels are strings, which isn't supported", "classlabels_int64s");
  }
  std::vector<int64_t> labels = context.node.get("classlabels_int64s", std::vector<int64_t>{});
  if (labels.size() < 2 || std::ssize(labels) > max_targets) {
    fail(context, "has " + std::to_string(labels.size()) + " class labels", "two or more");
  }
  return labels;
}

/// What a classifier makes of a row's votes. When all weights are those of one class out of two,
/// its score s stands for both: as 1 - s and s when no weight is negative (probabilities), so that
/// the second label wins above 1/2; as -s and s otherwise, where it wins above 0. LOGISTIC and the
/// softmaxes take -s and s either way.
struct Classification {
  Transform transform;
  std::vector<int64_t> labels;
  std::vector<double> base;
  bool single = false;      // only one class of two has weights
  bool complement = false;  // then: 1 - s rather than -s
  std::vector<double> scores = std::vector<double>(labels.size());

  explicit Classification(const NodeContext& context);

  template <class T>
  void operator()(const Trees<T>& trees, const T* x, int64_t row,
                  std::span<const TensorView> outputs) {
    std::copy(base.begin(), base.end(), scores.begin());
    if (single) {
      each_vote(trees, x, [&](size_t, double weight) { scores[1] += weight; });
      scores[0] = complement ? 1 - scores[1] : -scores[1];
    } else {
      each_vote(trees, x, [&](size_t target, double weight) { scores[target] += weight; });
    }
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    outputs[0].as<int64_t>()[row] = labels[static_cast<size_t>(best)];
    if (outputs.size() < 2 || outputs[1].data == nullptr) return;
    apply(transform, scores);
    float* y = outputs[1].as<float>() + row * std::ssize(scores);
    std::transform(scores.begin(), scores.end(), y, [](double v) { return static_cast<float>(v); });
  }
};

Classification::Classification(const NodeContext& context)
    : transform(transform_of(context)), labels(labels_of(context)) {
  const std::vector<int64_t> ids = context.node.get("class_ids", std::vector<int64_t>{});
  single = labels.size() == 2 && std::set<int64_t>(ids.begin(), ids.end()).size() == 1;
  const std::vector<double> weights = real_list(context, "class_weights");
  const bool negative =
      std::any_of(weights.begin(), weights.end(), [](double weight) { return weight < 0; });
  complement = !negative && (transform == Transform::none || transform == Transform::probit);
  const std::vector<double> given = real_list(context, "base_values");
  if (single && given.size() == 1) {
    base = {0, given[0]};
  } else {
    base = base_values(context, std::ssize(labels));
  }
}

std::vector<TensorType> infer_classifier(const NodeContext& context) {
  const Classification classification(context);
  const int64_t rows = Rows(context).count;
  return {{DType::i64, {rows}}, {DType::f32, {rows, std::ssize(classification.labels)}}};
}

Evaluator prepare_classifier(const NodeContext& context, std::span<const TensorType>) {
  Classification classification(context);
  const int64_t classes = std::ssize(classification.labels);
  return prepare_trees(context, "class", classes, std::move(classification));
}

std::vector<AttributeSpec> tree_attributes(const std::string& prefix,
                                           std::vector<AttributeSpec> all) {
  for (const std::string& list : {std::string("nodes"), prefix}) {
    all.push_back({list + "_treeids", AttributeKind::integers});
    all.push_back({list + "_nodeids", AttributeKind::integers});
  }
  for (const char* name :
       {"featureids", "truenodeids", "falsenodeids", "missing_value_tracks_true"}) {
    all.push_back({std::string("nodes_") + name, AttributeKind::integers});
  }
  for (const std::string& name : {std::string("nodes_values"), std::string("nodes_hitrates"),
                                  std::string("base_values"), prefix + "_weights"}) {
    all.push_back({name, AttributeKind::reals});
    all.push_back({name + "_as_tensor", AttributeKind::tensor});
  }
  all.push_back({"nodes_modes", AttributeKind::texts});
  all.push_back({prefix + "_ids", AttributeKind::integers});
  all.push_back({"post_transform", AttributeKind::text});
  return all;
}

}  // namespace

void register_trees(OperatorRegistry& registry) {
  registry.add(
      {.name = "TreeEnsembleRegressor",
       .domain = "ai.onnx.ml",
       .attributes = tree_attributes("target", {{"aggregate_function", AttributeKind::text},
                                                {"n_targets", AttributeKind::integer}}),
       .types = Features::list(),
       .infer = infer_regressor,
       .prepare = prepare_regressor});
  registry.add(
      {.name = "TreeEnsembleClassifier",
       .domain = "ai.onnx.ml",
       .max_outputs = 2,
       .attributes = tree_attributes("class", {{"classlabels_int64s", AttributeKind::integers},
                                               {"classlabels_strings", AttributeKind::texts}}),
       .types = Features::list(),
       .infer = infer_classifier,
       .prepare = prepare_classifier});
}

}  // namespace betimes::graph
