#include <algorithm>

#include "betimes/runtime/detail/parallel.h"
#include "betimes/runtime/kernels/vector/loops.h"

// Functions of one and of two arrays in fp32, in whatever layout the arrays lie.

namespace betimes::runtime {
namespace {

bool all_f32(const Candidate& candidate) {
  for (size_t i = 0; i < candidate.node().inputs.size(); ++i) {
    if (candidate.context.present(i) && candidate.context.type(i).dtype != DType::f32) return false;
  }
  return candidate.outputs[0].dtype == DType::f32;
}

std::optional<graph::Activation> activation_of(const Candidate& candidate) {
  using Kind = graph::Activation::Kind;
  const graph::Node& node = candidate.node();
  if (node.domain == "betimes") return graph::activation_of(node);
  if (node.op == "Relu") return graph::Activation{Kind::relu};
  if (node.op == "LeakyRelu") return graph::Activation{Kind::leaky_relu, node.get("alpha", 0.01f)};
  if (node.op == "Sigmoid") return graph::Activation{Kind::sigmoid};
  if (node.op == "HardSwish") return graph::Activation{Kind::hard_swish};
  if (node.op == "Tanh") return graph::Activation{Kind::tanh};
  if (node.op == "Elu") return graph::Activation{Kind::elu, node.get("alpha", 1.0f)};
  if (node.op == "HardSigmoid") {
    return graph::Activation{Kind::hard_sigmoid, node.get("alpha", 0.2f), node.get("beta", 0.5f)};
  }
  return std::nullopt;
}

Offer unary(const Candidate& candidate) {
  const auto activation = activation_of(candidate);
  if (!activation || !all_f32(candidate)) return Refusal{"the vector kernel computes fp32"};
  const int64_t count = element_count(candidate.outputs[0].shape);
  const int threads = useful_threads(candidate.threads, count);
  const Loops& vector = loops();
  Choice choice;
  choice.reads = {{0, candidate.layouts[0]}};
  choice.writes = {candidate.layouts[0]};
  choice.overwrites = 0;
  choice.kernel =
      simple_kernel(std::string("vector ") + vector.level, [=, &vector](const Buffers& b) {
        const float* in = static_cast<const float*>(b.inputs[0]);
        float* out = static_cast<float*>(b.outputs[0]);
        return [=, &vector, f = *activation] {
          parallel(threads, count, [&](int64_t begin, int64_t end) {
            vector.activate(f, in + begin, out + begin, end - begin);
          });
        };
      });
  return choice;
}

/// Extents from the outermost in memory.
Shape in_memory_order(Shape shape, Layout layout) {
  if (layout == Layout::channels_last && shape.size() >= 3) {
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  }
  return shape;
}

/// How the smaller operand repeats: rows of `inner` elements of the large one; row r reads the
/// small one at the sum of strides, b_step apart.
struct Broadcast {
  int64_t rows = 1;
  int64_t inner = 1;
  int64_t b_step = 1;
  std::vector<int64_t> extents;  // of the rows, outermost first
  std::vector<int64_t> strides;  // of the small operand along them

  int64_t offset(int64_t row) const {
    int64_t at = 0;
    for (size_t axis = extents.size(); axis-- > 0;) {
      at += row % extents[axis] * strides[axis];
      row /= extents[axis];
    }
    return at;
  }
};

/// nullopt where the small operand doesn't simply repeat along some axes of the large one.
std::optional<Broadcast> find_broadcast(const Shape& large, const Shape& small) {
  struct Run {
    int64_t extent;
    bool repeats;
  };
  std::vector<Run> runs;  // neighbouring axes that behave alike, merged
  for (size_t i = 0; i < large.size(); ++i) {
    if (large[i] == 1) {
      if (small[i] != 1) return std::nullopt;
      continue;
    }
    if (small[i] != large[i] && small[i] != 1) return std::nullopt;
    const bool repeats = small[i] == 1;
    if (!runs.empty() && runs.back().repeats == repeats) {
      runs.back().extent *= large[i];
    } else {
      runs.push_back({large[i], repeats});
    }
  }
  Broadcast result;
  if (runs.empty()) return result;
  result.inner = runs.back().extent;
  result.b_step = runs.back().repeats ? 0 : 1;
  int64_t stride = runs.back().repeats ? 1 : runs.back().extent;
  for (size_t i = runs.size() - 1; i-- > 0;) {
    result.rows *= runs[i].extent;
    result.extents.insert(result.extents.begin(), runs[i].extent);
    result.strides.insert(result.strides.begin(), runs[i].repeats ? 0 : stride);
    if (!runs[i].repeats) stride *= runs[i].extent;
  }
  return result;
}

std::optional<Arithmetic> arithmetic_of(const std::string& op) {
  if (op == "Add") return Arithmetic::add;
  if (op == "Sub") return Arithmetic::subtract;
  if (op == "Mul") return Arithmetic::multiply;
  if (op == "Div") return Arithmetic::divide;
  if (op == "Max") return Arithmetic::maximum;
  if (op == "Min") return Arithmetic::minimum;
  return std::nullopt;
}

/// The layout to compute in: that of the larger computed operand.
Layout common_layout(const Candidate& candidate, size_t large) {
  if (candidate.outputs[0].shape.size() < 3) return Layout::plain;
  if (!candidate.constant(large)) return candidate.layouts[large];
  return candidate.layouts[1 - large];
}

std::unique_ptr<Kernel> broadcast_kernel(Arithmetic op, const graph::Activation& activation,
                                         const Broadcast& broadcast, int threads) {
  const Loops& vector = loops();
  return simple_kernel(std::string("vector ") + vector.level, [=, &vector](const Buffers& buffers) {
    const float* a = static_cast<const float*>(buffers.inputs[0]);
    const float* b = static_cast<const float*>(buffers.inputs[1]);
    float* out = static_cast<float*>(buffers.outputs[0]);
    return [=, &vector] {
      if (broadcast.rows == 1) {
        parallel(threads, broadcast.inner, [&](int64_t begin, int64_t end) {
          vector.combine(op, a + begin, b + begin * broadcast.b_step, broadcast.b_step, out + begin,
                         end - begin, activation);
        });
        return;
      }
      parallel(threads, broadcast.rows, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t at = row * broadcast.inner;
          vector.combine(op, a + at, b + broadcast.offset(row), broadcast.b_step, out + at,
                         broadcast.inner, activation);
        }
      });
    };
  });
}

Offer binary(const Candidate& candidate) {
  const auto op = arithmetic_of(candidate.node().op);
  if (!op || candidate.node().inputs.size() != 2 || !all_f32(candidate)) {
    return Refusal{"the vector kernel takes two fp32 operands"};
  }
  const Shape& out = candidate.outputs[0].shape;
  const bool swap = candidate.context.shape(0) != out;
  const size_t large = swap ? 1 : 0;
  const bool commutes = *op != Arithmetic::subtract && *op != Arithmetic::divide;
  if (candidate.context.shape(large) != out || (swap && !commutes)) {
    return Refusal{"the operands repeat in a way that the vector kernel doesn't do"};
  }
  const size_t rank = out.size();
  const Shape& small = candidate.context.shape(1 - large);
  Shape padded = small;
  padded.insert(padded.begin(), rank - small.size(), 1);
  Layout layout = common_layout(candidate, large);
  // An operand of lower rank lies plain; [C, 1, 1] is C numbers in either order.
  if (small.size() < rank && !same_memory(padded, Layout::plain, layout)) layout = Layout::plain;
  const auto broadcast =
      find_broadcast(in_memory_order(out, layout), in_memory_order(padded, layout));
  if (!broadcast) return Refusal{"the operands repeat in a way that the vector kernel doesn't do"};
  Choice choice;
  choice.reads = {{large, layout}, {1 - large, small.size() == rank ? layout : Layout::plain}};
  choice.writes = {layout};
  choice.overwrites = 0;
  choice.kernel =
      broadcast_kernel(*op, {}, *broadcast, useful_threads(candidate.threads, element_count(out)));
  return choice;
}

}  // namespace

void register_elementwise(KernelRegistry& registry) {
  for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu",
                         "betimes.Activation"}) {
    registry.add(op, 10, unary);
  }
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) registry.add(op, 10, binary);
}

}  // namespace betimes::runtime
