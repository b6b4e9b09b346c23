// Einsum (12).
#include <algorithm>
#include <map>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

/// Axes that an ellipsis stands for have labels of their own, below those of letters: the last of
/// them is -1, the one before it -2.
using Labels = std::vector<int>;

/// The labels of one term of the equation; `ellipsis` is how many axes "..." stands for.
Labels labels_of(const NodeContext& context, const std::string& term, int ellipsis) {
  Labels labels;
  for (size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == ' ') continue;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else if (term.compare(i, 3, "...") == 0) {
      for (int axis = ellipsis; axis > 0; --axis) labels.push_back(-axis);
      i += 2;
    } else {
      fail(context, "equation has '" + std::string(1, c) + "'", "letters, commas, '...' and '->'");
    }
  }
  return labels;
}

bool has_ellipsis(const std::string& term) { return term.find("...") != std::string::npos; }

/// A parsed equation over the node's inputs.
struct Sum {
  std::vector<Labels> inputs;
  Labels output;
  std::map<int, int64_t> extents;
};

std::vector<std::string> split_terms(const std::string& text) {
  std::vector<std::string> terms(1);
  for (const char c : text) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

/// Without "->" the output has the ellipsis, then the labels that occur once, in alphabetical
/// order.
Labels implied_output(const Sum& sum, int ellipsis) {
  Labels output;
  for (int axis = ellipsis; axis > 0; --axis) output.push_back(-axis);
  std::map<int, int> counts;
  for (const Labels& labels : sum.inputs) {
    for (const int label : labels) ++counts[label];
  }
  for (const auto& [label, count] : counts) {
    if (label > 0 && count == 1) output.push_back(label);
  }
  return output;
}

void take_extents(const NodeContext& context, size_t input, const Labels& labels,
                  std::map<int, int64_t>& extents) {
  const Shape& shape = context.shape(input);
  if (labels.size() != shape.size()) {
    fail(context, found_input(context, input),
         std::to_string(labels.size()) + " dimensions, as the equation says");
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    int64_t& known = extents.emplace(labels[i], shape[i]).first->second;
    if (known == 1) known = shape[i];
    if (shape[i] != known && shape[i] != 1) {
      fail(context, found_input(context, input),
           "one extent for each label, " + std::to_string(known) + " in axis " + std::to_string(i));
    }
  }
}

Sum parse(const NodeContext& context) {
  const std::string equation = context.node.get("equation", "");
  const size_t arrow = equation.find("->");
  const std::vector<std::string> terms = split_terms(equation.substr(0, arrow));
  if (terms.size() != context.inputs.size()) {
    fail(context, "the equation has " + std::to_string(terms.size()) + " terms",
         std::to_string(context.inputs.size()) + ", one for each input");
  }
  Sum sum;
  int widest = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const auto named = static_cast<int>(labels_of(context, terms[i], 0).size());
    const int rank = static_cast<int>(context.shape(i).size());
    const int ellipsis = has_ellipsis(terms[i]) ? std::max(0, rank - named) : 0;
    widest = std::max(widest, ellipsis);
    sum.inputs.push_back(labels_of(context, terms[i], ellipsis));
    take_extents(context, i, sum.inputs.back(), sum.extents);
  }
  sum.output = arrow == std::string::npos ? implied_output(sum, widest)
                                          : labels_of(context, equation.substr(arrow + 2), widest);
  for (size_t i = 0; i < sum.output.size(); ++i) {
    const int label = sum.output[i];
    if (!sum.extents.contains(label) ||
        std::find(sum.output.begin(), sum.output.begin() + static_cast<std::ptrdiff_t>(i), label) !=
            sum.output.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail(context, "the output of equation '" + equation + "' has a label twice or from nowhere");
    }
  }
  return sum;
}

/// A few small operands can ask for more products than could be worked out in a lifetime.
void check_work(const NodeContext& context, const Sum& sum) {
  constexpr int64_t most = int64_t{1} << 36;
  int64_t products = 1;
  for (const auto& [label, extent] : sum.extents) {
    if (extent == 0) return;
    if (extent > most / products) fail(context, "asks for an absurd number of products");
    products *= extent;
  }
}

std::vector<TensorType> infer(const NodeContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i) require_same_dtype(context, i, 0);
  const Sum sum = parse(context);
  if (sum.extents.size() > max_loops) fail(context, "has too many labels", "at most 16");
  check_work(context, sum);
  Shape shape;
  for (const int label : sum.output) shape.push_back(sum.extents.at(label));
  return one(context.type(0).dtype, shape);
}

/// Where the labels' loops move in an array of this shape: several axes of one label add up, which
/// walks along a diagonal.
Strides strides_of(const Labels& loops, const Labels& labels, const Shape& shape) {
  const Strides own = row_major(shape);
  Strides strides(loops.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto loop = std::find(loops.begin(), loops.end(), labels[i]) - loops.begin();
    if (shape[i] != 1) strides[static_cast<size_t>(loop)] += own[i];
  }
  return strides;
}

/// All loops at once, the output's labels outside, the summed ones inside.
struct Loops {
  Shape extents;
  size_t kept = 0;
  std::vector<Strides> inputs;
};

template <class T>
Wrapping<Compute<T>> summed(const Loops& loops, size_t axis, std::span<const TensorView> inputs,
                            std::vector<int64_t>& at) {
  using W = Wrapping<Compute<T>>;
  if (axis == loops.extents.size()) {
    W product{1};
    for (size_t i = 0; i < inputs.size(); ++i) {
      product *= static_cast<W>(load(inputs[i].as<const T>()[at[i]]));
    }
    return product;
  }
  W sum{};
  for (int64_t k = 0; k < loops.extents[axis]; ++k) {
    sum += summed<T>(loops, axis + 1, inputs, at);
    for (size_t i = 0; i < at.size(); ++i) at[i] += loops.inputs[i][axis];
  }
  for (size_t i = 0; i < at.size(); ++i) at[i] -= loops.inputs[i][axis] * loops.extents[axis];
  return sum;
}

template <class T>
void fill(const Loops& loops, size_t axis, std::span<const TensorView> inputs,
          std::vector<int64_t>& at, T*& out) {
  if (axis == loops.kept) {
    *out++ = store<T>(static_cast<Compute<T>>(summed<T>(loops, axis, inputs, at)));
    return;
  }
  for (int64_t k = 0; k < loops.extents[axis]; ++k) {
    fill(loops, axis + 1, inputs, at, out);
    for (size_t i = 0; i < at.size(); ++i) at[i] += loops.inputs[i][axis];
  }
  for (size_t i = 0; i < at.size(); ++i) at[i] -= loops.inputs[i][axis] * loops.extents[axis];
}

/// A call allocates one offset for each input.
Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  const Sum sum = parse(context);
  Labels order = sum.output;
  for (const auto& [label, extent] : sum.extents) {
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  Loops loops;
  loops.kept = sum.output.size();
  for (const int label : order) loops.extents.push_back(sum.extents.at(label));
  for (size_t i = 0; i < sum.inputs.size(); ++i) {
    loops.inputs.push_back(strides_of(order, sum.inputs[i], context.shape(i)));
  }
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [loops](auto inputs, auto outputs) {
      std::vector<int64_t> at(inputs.size(), 0);
      T* out = outputs[0].template as<T>();
      fill<T>(loops, 0, inputs, at, out);
    };
  });
}

}  // namespace

void register_einsum(OperatorRegistry& registry) {
  registry.add({.name = "Einsum",
                .max_inputs = -1,
                .attributes = {{"equation", AttributeKind::text}},
                .types = Numbers::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph
