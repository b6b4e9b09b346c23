#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Reductions in fp32 over axes that are neighbours in memory, in whatever layout the input lies.
// Global pooling is one, over all positions.

namespace betimes::runtime {
namespace {

std::vector<bool> reduced_axes(const Candidate& candidate) {
  const auto rank = static_cast<int64_t>(candidate.context.shape(0).size());
  if (candidate.node().op.starts_with("Global")) {
    std::vector<bool> positions(static_cast<size_t>(rank), true);
    positions[0] = positions[1] = false;
    return positions;
  }
  std::vector<int64_t> axes = candidate.node().get("axes", std::vector<int64_t>{});
  if (candidate.context.present(1)) axes = candidate.context.integers(1, "the axes");
  if (axes.empty() && candidate.node().get("noop_with_empty_axes", int64_t{0}) == 0) {
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::vector<bool> reduced(static_cast<size_t>(rank));
  for (const int64_t axis : axes)
    reduced[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  return reduced;
}

/// The input as [outer, count, inner], of which `count` is folded.
struct Extents {
  int64_t outer = 1, count = 1, inner = 1;
};
std::optional<Extents> extents_of(const Shape& shape, const std::vector<bool>& reduced) {
  Extents extents;
  bool begun = false, over = false;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    if (reduced[axis]) {
      if (over) return std::nullopt;
      begun = true;
      extents.count *= shape[axis];
    } else {
      over = begun;
      (begun ? extents.inner : extents.outer) *= shape[axis];
    }
  }
  return extents;
}

/// With channels last, the axes that are kept must come out in the order the output wants.
bool order_is_kept(const Candidate& candidate, const std::vector<bool>& reduced) {
  if (candidate.node().get("keepdims", int64_t{1}) != 0) return true;
  // Channels move behind the positions: fine where either is gone.
  const bool channels = !reduced[1] && candidate.context.shape(0)[1] != 1;
  return !channels ||
         std::all_of(reduced.begin() + 2, reduced.end(), [](bool gone) { return gone; });
}

struct Reduction {
  Fold fold;
  bool mean = false, root = false;
};
std::optional<Reduction> reduction_of(const std::string& op) {
  if (op == "ReduceSum") return Reduction{Fold::sum};
  if (op == "ReduceMean" || op == "GlobalAveragePool") return Reduction{Fold::sum, true};
  if (op == "ReduceMax" || op == "GlobalMaxPool") return Reduction{Fold::largest};
  if (op == "ReduceMin") return Reduction{Fold::smallest};
  if (op == "ReduceL1") return Reduction{Fold::sum_of_sizes};
  if (op == "ReduceL2") return Reduction{Fold::sum_of_squares, false, true};
  if (op == "ReduceSumSquare") return Reduction{Fold::sum_of_squares};
  return std::nullopt;
}

void run_outer(const Loops& vector, const Reduction& reduction, const Extents& e, const float* in,
               float* out, int64_t at, int64_t end) {
  const float share = 1.0f / static_cast<float>(e.count);
  for (; at < end; ++at) {
    const float* from = in + at * e.count * e.inner;
    float* to = out + at * e.inner;
    if (e.inner == 1) {
      *to = vector.fold_row(reduction.fold, from, e.count);
    } else {
      vector.fold_rows(reduction.fold, from, to, e.count, e.inner);
    }
    for (int64_t i = 0; reduction.mean && i < e.inner; ++i) to[i] *= share;
    for (int64_t i = 0; reduction.root && i < e.inner; ++i) to[i] = std::sqrt(to[i]);
  }
}

Offer reduce(const Candidate& candidate) {
  const auto reduction = reduction_of(candidate.node().op);
  const Shape& shape = candidate.context.shape(0);
  if (candidate.outputs[0].dtype != DType::f32 || element_count(shape) == 0) {
    return Refusal{"not fp32, or empty"};
  }
  const std::vector<bool> reduced = reduced_axes(candidate);
  Layout layout = shape.size() < 3 ? Layout::plain : candidate.layouts[0];
  if (layout == Layout::channels_last && !order_is_kept(candidate, reduced)) layout = Layout::plain;
  std::vector<bool> memory = reduced;
  if (layout == Layout::channels_last)
    std::rotate(memory.begin() + 1, memory.begin() + 2, memory.end());
  const auto extents = extents_of(in_memory_order(shape, layout), memory);
  if (!extents) return Refusal{"the axes that are folded aren't neighbours in memory"};
  const int threads = useful_threads(candidate.threads, element_count(shape));
  const Loops& vector = loops();
  Choice choice;
  choice.reads = {{0, layout}};
  choice.writes = {candidate.outputs[0].shape.size() == shape.size() ? layout : Layout::plain};
  choice.kernel = simple_kernel(std::string("vector ") + vector.level,
                                [=, e = *extents, &vector](const Buffers& b) {
                                  const float* in = static_cast<const float*>(b.inputs[0]);
                                  float* out = static_cast<float*>(b.outputs[0]);
                                  return [=, &vector] {
                                    parallel(threads, e.outer, [&](int64_t at, int64_t end) {
                                      run_outer(vector, *reduction, e, in, out, at, end);
                                    });
                                  };
                                });
  return choice;
}

}  // namespace

void register_reduce(KernelRegistry& registry) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1",
                         "ReduceL2", "ReduceSumSquare", "GlobalAveragePool", "GlobalMaxPool"}) {
    registry.add(op, 10, reduce);
  }
}

}  // namespace betimes::runtime
