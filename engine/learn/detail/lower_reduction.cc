// Reductions over axes, running sums and selections of the largest.
#include <cmath>
#include <limits>
#include <numeric>

#include "betimes/learn/detail/lowering.h"

namespace betimes::learn::detail {
namespace {

using Integers = std::vector<int64_t>;

/// The axes in operand i; all of them where it is none, empty or not there.
Integers reduced_axes(const Call& call, size_t i) {
  Integers axes;
  if (!call.is_none(i)) axes = call.integers(i);
  if (axes.empty()) {
    axes.resize(static_cast<size_t>(call.rank(0)));
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  for (int64_t& axis : axes) axis += axis < 0 ? call.rank(0) : 0;
  return axes;
}

/// What an operation reduces. Its short form, op(x, ...), reduces everything.
struct Extent {
  Integers axes;
  int64_t keep = 0;
};

Extent everything(const Call& call) {
  Integers axes(static_cast<size_t>(call.rank(0)));
  std::iota(axes.begin(), axes.end(), int64_t{0});
  return {axes, 0};
}

/// op(x, axes, keep, ...) with the axes at operand `at`.
Extent listed(const Call& call, size_t at = 1) {
  return {reduced_axes(call, at), int64_t{call.flag(at + 1)}};
}

std::string reduced(const Call& call, const std::string& op, const std::string& value,
                    const Extent& extent) {
  if (op == "ReduceSum") {  // the one whose axes are an input at the canonical opset
    return call.add(op, {value, call.builder().constant(extent.axes)}, {{"keepdims", extent.keep}});
  }
  return call.add(op, {value}, {{"axes", extent.axes}, {"keepdims", extent.keep}});
}

/// op(x, dtype) over everything, op(x, axes, keep, dtype) over some.
std::function<void(const Call&)> typed_reduction(std::string op) {
  return [op](const Call& call) {
    const Extent extent = call.operands() == 2 ? everything(call) : listed(call);
    call.result(reduced(call, op, operand(call, 0), extent));
  };
}

/// The mean over all of an image's pixels is a pooling, for which runtimes have better kernels.
void mean(const Call& call) {
  if (call.operands() > 2 && call.rank(0) == 4 && call.type(0) == at::kFloat) {
    const Integers axes = reduced_axes(call, 1);
    if (axes == Integers{2, 3} || axes == Integers{3, 2}) {
      const std::string pooled = call.add("GlobalAveragePool", {call.tensor(0)});
      const bool keep = call.flag(2);
      call.result(keep ? pooled : call.add("Flatten", {pooled}, {{"axis", int64_t{1}}}));
      return;
    }
  }
  typed_reduction("ReduceMean")(call);
}

/// op(x, axes, keep).
std::function<void(const Call&)> over_axes(std::string op) {
  return [op](const Call& call) { call.result(reduced(call, op, call.tensor(0), listed(call))); };
}

/// op(x) or op(x, axis, keep) of truth values, as a reduction of integers.
std::function<void(const Call&)> of_truth(std::string op) {
  return [op](const Call& call) {
    const Extent extent = call.operands() == 1 ? everything(call) : listed(call);
    const std::string numbers = cast(call, typed(call, 0, at::kBool), at::kInt);
    call.result(cast(call, reduced(call, op, numbers, extent), call.out_type()));
  };
}

/// max(x), max(x, other), or max(x, axis, keep) -> (values, positions); min likewise.
std::function<void(const Call&)> extreme(std::string op) {
  return [op](const Call& call) {
    if (call.operands() == 1) {
      return call.result(reduced(call, "Reduce" + op, call.tensor(0), everything(call)));
    }
    if (call.operands() == 2) {
      return call.result(call.add(op, {operand(call, 0), operand(call, 1)}));
    }
    const Extent extent = listed(call);
    std::vector<std::string> results = {reduced(call, "Reduce" + op, call.tensor(0), extent), {}};
    if (call.used(1)) {
      results[1] = call.add("Arg" + op, {call.tensor(0)},
                            {{"axis", extent.axes[0]}, {"keepdims", extent.keep}});
    }
    call.results(results);
  };
}

// argmax(x, axis, keep); without an axis the position in the flattened tensor
std::function<void(const Call&)> position(std::string op) {
  return [op](const Call& call) {
    if (!call.is_none(1)) {
      return call.result(call.add(op, {call.tensor(0)},
                                  {{"axis", call.axis(1)}, {"keepdims", int64_t{call.flag(2)}}}));
    }
    if (call.flag(2)) call.refuse("keeps all axes", "keepdim false");
    const std::string flat =
        call.add("Reshape", {call.tensor(0), call.builder().constant(Integers{-1})});
    call.result(call.add(op, {flat}, {{"axis", int64_t{0}}, {"keepdims", int64_t{0}}}));
  };
}

void norm_of(const Call& call, double order, const Extent& extent) {
  const std::string x = call.tensor(0);
  if (order == 1.0) return call.result(reduced(call, "ReduceL1", x, extent));
  if (order == 2.0) return call.result(reduced(call, "ReduceL2", x, extent));
  if (order == std::numeric_limits<double>::infinity()) {
    return call.result(reduced(call, "ReduceMax", call.add("Abs", {x}), extent));
  }
  if (!(order > 0)) call.refuse("is of order " + std::to_string(order), "a positive order");
  const std::string powers = call.add("Pow", {call.add("Abs", {x}), call.scalar(order)});
  call.result(
      call.add("Pow", {reduced(call, "ReduceSum", powers, extent), call.scalar(1.0 / order)}));
}

// norm(x, order), norm(x, order, axes, keep)
void norm(const Call& call) {
  norm_of(call, call.is_none(1) ? 2.0 : call.real(1),
          call.operands() <= 2 ? everything(call) : listed(call, 2));
}

// linalg_vector_norm(x, order, axes, keep, type)
void vector_norm(const Call& call) { norm_of(call, call.real(1), listed(call, 2)); }

// cosine_similarity(a, b, axis, eps)
void cosine_similarity(const Call& call) {
  if (call.rank(0) != call.rank(1)) call.refuse("has operands of unlike rank", "equal ranks");
  const Extent extent{{call.axis(2)}, 0};
  const std::string a = operand(call, 0), b = operand(call, 1), least = call.scalar(call.real(3));
  const auto length = [&](const std::string& x) {
    return call.add("Max", {reduced(call, "ReduceL2", x, extent), least});
  };
  const std::string dot = reduced(call, "ReduceSum", call.add("Mul", {a, b}), extent);
  call.result(call.add("Div", {dot, call.add("Mul", {length(a), length(b)})}));
}

// cdist(a, b, order, mode): the distances of all pairs of rows
void pairwise_distances(const Call& call) {
  auto& builder = call.builder();
  const std::string a = call.add("Unsqueeze", {call.tensor(0), builder.constant(Integers{-2})});
  const std::string b = call.add("Unsqueeze", {call.tensor(1), builder.constant(Integers{-3})});
  const double order = call.real(2);
  if (order != 1.0 && order != 2.0) call.refuse("isn't of order 1 or 2", "p = 1 or 2");
  call.result(call.add(order == 1.0 ? "ReduceL1" : "ReduceL2", {call.add("Sub", {a, b})},
                       {{"axes", Integers{-1}}, {"keepdims", int64_t{0}}}));
}

/// var(x, unbiased), var(x, axes, unbiased, keep), var(x, axes, correction, keep); std likewise.
std::function<void(const Call&)> deviation(bool root) {
  return [root](const Call& call) {
    const bool whole = call.operands() == 2;
    const size_t at = whole ? 1 : 2;
    const double correction = call.is_none(at) ? 1.0 : call.real(at);
    const Extent extent =
        whole ? everything(call) : Extent{reduced_axes(call, 1), int64_t{call.flag(3)}};
    const std::string mean = reduced(call, "ReduceMean", call.tensor(0), {extent.axes, 1});
    const std::string rest = call.add("Sub", {call.tensor(0), mean});
    std::string result = reduced(call, "ReduceMean", call.add("Mul", {rest, rest}), extent);
    if (correction != 0.0) {
      double count = 1;
      for (const int64_t axis : extent.axes) {
        count *= static_cast<double>(call.fixed_extent(0, axis));
      }
      if (count <= correction) call.refuse("has too few values", "more than the correction");
      result = call.add("Mul", {result, call.scalar(count / (count - correction))});
    }
    call.result(root ? call.add("Sqrt", {result}) : result);
  };
}

// cumsum(x, axis, type)
void cumsum(const Call& call) {
  const std::string axis = call.scalar_of(static_cast<double>(call.axis(1)), at::kLong);
  call.result(call.add("CumSum", {operand(call, 0), axis}));
}

std::vector<std::string> largest(const Call& call, int64_t axis, int64_t count, bool descending) {
  return call.builder().add_many(
      "TopK", {call.tensor(0), call.builder().constant(Integers{count})},
      {{"axis", axis}, {"largest", int64_t{descending}}, {"sorted", int64_t{1}}}, 2);
}

// topk(x, k, axis, largest, sorted)
void topk(const Call& call) {
  call.results(largest(call, call.axis(2), call.integer(1), call.flag(3)));
}

// sort(x, axis, descending) or sort(x, stable, axis, descending): TopK of everything
std::vector<std::string> sorted(const Call& call) {
  const size_t at = call.operands() == 4 ? 2 : 1;
  const int64_t axis = call.axis(at);
  return largest(call, axis, call.fixed_extent(0, axis), call.flag(at + 1));
}

// bucketize(x, boundaries, int32, right): how many boundaries lie below x
void bucketize(const Call& call) {
  const std::string last = call.builder().constant(Integers{-1});
  const std::string below =
      call.add(call.flag(3) ? "GreaterOrEqual" : "Greater",
               {call.add("Unsqueeze", {call.tensor(0), last}), typed(call, 1, call.type(0))});
  const std::string numbers = cast(call, below, call.out_type());
  call.result(call.add("ReduceSum", {numbers, last}, {{"keepdims", int64_t{0}}}));
}

}  // namespace

std::span<const Lowering> reduction_lowerings() {
  static const std::vector<Lowering> list = {
      {"aten::all", of_truth("ReduceMin")},
      {"aten::amax", over_axes("ReduceMax")},
      {"aten::amin", over_axes("ReduceMin")},
      {"aten::any", of_truth("ReduceMax")},
      {"aten::argmax", position("ArgMax")},
      {"aten::argmin", position("ArgMin")},
      {"aten::argsort", [](const Call& call) { call.result(sorted(call)[1]); }},
      {"aten::bucketize", bucketize},
      {"aten::cdist", pairwise_distances},
      {"aten::cosine_similarity", cosine_similarity},
      {"aten::cumsum", cumsum},
      {"aten::linalg_vector_norm", vector_norm},
      {"aten::logsumexp", over_axes("ReduceLogSumExp")},
      {"aten::max", extreme("Max")},
      {"aten::mean", mean},
      {"aten::min", extreme("Min")},
      {"aten::norm", norm},
      {"aten::prod", typed_reduction("ReduceProd")},
      {"aten::sort", [](const Call& call) { call.results(sorted(call)); }},
      {"aten::std", deviation(true)},
      {"aten::sum", typed_reduction("ReduceSum")},
      {"aten::topk", topk},
      {"aten::var", deviation(false)},
  };
  return list;
}

}  // namespace betimes::learn::detail
