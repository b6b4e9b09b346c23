// NegativeLogLikelihoodLoss (13), SoftmaxCrossEntropyLoss (13).
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

enum class Reduction : uint8_t { none, mean, sum };

Reduction reduction_of(const NodeContext& context) {
  const std::string name = context.node.get("reduction", "mean");
  if (name == "none") return Reduction::none;
  if (name == "sum") return Reduction::sum;
  if (name != "mean") fail(context, "reduction is '" + name + "'", "none, mean or sum");
  return Reduction::mean;
}

/// Scores of [batch, classes, positions...] and a label at each position.
struct Layout {
  int64_t batch = 1;
  int64_t classes = 1;
  int64_t positions = 1;

  explicit Layout(const Shape& scores)
      : batch(scores[0]),
        classes(scores[1]),
        positions(element_count({scores.begin() + 2, scores.end()})) {}
};

/// What a label means: its class and how much that counts.
template <class Label>
class Labels {
 public:
  Labels(const NodeContext& context, int64_t classes)
      : op_(context.node.op), classes_(classes), reduction_(reduction_of(context)) {
    if (context.node.has("ignore_index")) {
      ignored_ = context.node.get("ignore_index", int64_t{0});
    }
  }

  bool ignores(Label label) const { return ignored_ && *ignored_ == int64_t{label}; }
  /// The class, which is checked: labels are data.
  int64_t checked(Label label) const {
    if (label < 0 || label >= classes_) {
      throw Error(op_, "label " + std::to_string(label) + " is out of bounds",
                  "0 to " + std::to_string(classes_ - 1));
    }
    return label;
  }
  Reduction reduction() const { return reduction_; }

 private:
  std::string op_;
  int64_t classes_;
  std::optional<int64_t> ignored_;
  Reduction reduction_;
};

/// Collects the losses of all positions in order.
template <class T>
class Total {
 public:
  Total(Reduction reduction, T* y) : reduction_(reduction), y_(y) {}

  void add(double loss, double weight) {
    if (reduction_ == Reduction::none) {
      *y_++ = store<T>(static_cast<Compute<T>>(loss));
    } else {
      loss_ += loss;
      weight_ += weight;
    }
  }
  void finish() {
    if (reduction_ == Reduction::none) return;
    const double loss = reduction_ == Reduction::mean ? loss_ / weight_ : loss_;
    *y_ = store<T>(static_cast<Compute<T>>(loss));
  }

 private:
  Reduction reduction_;
  T* y_;
  double loss_ = 0;
  double weight_ = 0;
};

std::vector<TensorType> infer_loss(const NodeContext& context) {
  require_rank(context, 0, 2, max_rank);
  require_one_of(context, 1, Indices::list());
  Shape places = context.shape(0);
  const int64_t classes = places[1];
  places.erase(places.begin() + 1);
  require_shape(context, 1, places);
  if (context.present(2)) {
    require_same_dtype(context, 2, 0);
    require_shape(context, 2, {classes});
  }
  if (reduction_of(context) != Reduction::none) places.clear();
  return one(context.type(0).dtype, places);
}

/// f over the types of the scores and the labels.
template <class F>
Evaluator dispatch(const NodeContext& context, F&& f) {
  return Floats::dispatch(context.type(0).dtype, [&](auto score) {
    return Indices::dispatch(context.type(1).dtype,
                             [&](auto label) -> Evaluator { return f(score, label); });
  });
}

/// -log_probability(n, c, p) of each position's label, times its weight.
template <class T, class Label, class F>
void add_losses(const Layout& layout, const Labels<Label>& labels, std::span<const TensorView> in,
                T* y, F&& log_probability) {
  const Label* label = in[1].as<const Label>();
  const T* weights = in.size() > 2 ? in[2].as<const T>() : nullptr;
  Total<T> total(labels.reduction(), y);
  for (int64_t n = 0; n < layout.batch; ++n) {
    for (int64_t p = 0; p < layout.positions; ++p, ++label) {
      if (labels.ignores(*label)) {
        total.add(0, 0);
        continue;
      }
      const int64_t c = labels.checked(*label);
      const double weight = weights ? static_cast<double>(load(weights[c])) : 1.0;
      total.add(-log_probability((n * layout.classes + c) * layout.positions + p,
                                 n * layout.positions + p) *
                    weight,
                weight);
    }
  }
  total.finish();
}

Evaluator prepare_nll(const NodeContext& context, std::span<const TensorType>) {
  const Layout layout(context.shape(0));
  return dispatch(context, [&](auto score, auto kind) -> Evaluator {
    using T = decltype(score);
    return [layout, labels = Labels<decltype(kind)>(context, layout.classes)](auto inputs,
                                                                              auto outputs) {
      const T* x = inputs[0].template as<const T>();
      add_losses(layout, labels, inputs, outputs[0].template as<T>(),
                 [&](int64_t at, int64_t) { return static_cast<double>(load(x[at])); });
    };
  });
}

/// Logarithm of the sum of exponentials over the classes, for each of a batch's positions.
template <class T>
void log_sums(const Layout& layout, const T* x, double* sums) {
  for (int64_t n = 0; n < layout.batch; ++n, x += layout.classes * layout.positions) {
    for (int64_t p = 0; p < layout.positions; ++p) {
      double most = -std::numeric_limits<double>::infinity();
      for (int64_t c = 0; c < layout.classes; ++c) {
        most = std::max(most, static_cast<double>(load(x[c * layout.positions + p])));
      }
      double sum = 0;
      for (int64_t c = 0; c < layout.classes; ++c) {
        sum += std::exp(static_cast<double>(load(x[c * layout.positions + p])) - most);
      }
      *sums++ = most + std::log(sum);
    }
  }
}

template <class T>
void write_log_probabilities(const Layout& layout, const T* x, const double* sums, T* y) {
  for (int64_t n = 0; n < layout.batch; ++n, sums += layout.positions) {
    for (int64_t c = 0; c < layout.classes; ++c) {
      for (int64_t p = 0; p < layout.positions; ++p, ++x) {
        *y++ = store<T>(static_cast<Compute<T>>(static_cast<double>(load(*x)) - sums[p]));
      }
    }
  }
}

std::vector<TensorType> infer_cross_entropy(const NodeContext& context) {
  std::vector<TensorType> types = infer_loss(context);
  if (has_output(context, 1)) types.push_back(context.type(0));
  return types;
}

Evaluator prepare_cross_entropy(const NodeContext& context, std::span<const TensorType>) {
  const Layout layout(context.shape(0));
  const auto places = static_cast<size_t>(element_count(context.shape(1)));
  return dispatch(context, [&](auto score, auto kind) -> Evaluator {
    using T = decltype(score);
    return [layout, labels = Labels<decltype(kind)>(context, layout.classes),
            sums = std::vector<double>(places)](auto inputs, auto outputs) mutable {
      const T* x = inputs[0].template as<const T>();
      log_sums(layout, x, sums.data());
      if (outputs.size() > 1 && outputs[1].data != nullptr) {
        write_log_probabilities(layout, x, sums.data(), outputs[1].template as<T>());
      }
      add_losses(layout, labels, inputs, outputs[0].template as<T>(),
                 [&](int64_t at, int64_t place) {
                   return static_cast<double>(load(x[at])) - sums[static_cast<size_t>(place)];
                 });
    };
  });
}

Operator loss(std::string name) {
  return {
      .name = std::move(name),
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"ignore_index", AttributeKind::integer}, {"reduction", AttributeKind::text}},
      .types = Floats::list()};
}

}  // namespace

void register_loss(OperatorRegistry& registry) {
  Operator nll = loss("NegativeLogLikelihoodLoss");
  nll.infer = infer_loss;
  nll.prepare = prepare_nll;
  registry.add(std::move(nll));
  Operator cross_entropy = loss("SoftmaxCrossEntropyLoss");
  cross_entropy.max_outputs = 2;
  cross_entropy.infer = infer_cross_entropy;
  cross_entropy.prepare = prepare_cross_entropy;
  registry.add(std::move(cross_entropy));
}

}  // namespace betimes::graph
