#include <limits>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// Rewrites the operators that take part in fusions to those of domain "betimes", which can carry a
// bias, a residual and an activation, so that every later pass knows one form of each.

namespace betimes::runtime {
namespace {

using Kind = Activation::Kind;

std::optional<float> bound(Rewriter& rewriter, const Node& node, size_t input, float otherwise) {
  if (node.inputs.size() <= input || node.inputs[input].empty()) return otherwise;
  return uniform_value(rewriter.constant(node.inputs[input]));
}

std::optional<Activation> as_activation(Rewriter& rewriter, const Node& node) {
  if (const auto activation = graph::activation_of_operator(node)) return activation;
  if (node.op != "Clip") return std::nullopt;
  const auto low = bound(rewriter, node, 1, std::numeric_limits<float>::lowest());
  const auto high = bound(rewriter, node, 2, std::numeric_limits<float>::max());
  if (!low || !high) return std::nullopt;
  if (*low == 0.0f && *high == std::numeric_limits<float>::max()) return Activation{Kind::relu};
  return Activation{Kind::clip, *low, *high};
}

bool to_activation(Rewriter& rewriter, Node& node) {
  const auto activation = as_activation(rewriter, node);
  if (!activation) return false;
  const Node before = node;
  node.op = "Activation";
  node.domain = "betimes";
  node.inputs.resize(1);
  node.attributes.clear();
  graph::set_activation(node, *activation);
  absorb(node, before);
  return true;
}

void to_fused(Node& node, const char* op) {
  const Node before = node;
  node.op = op;
  node.domain = "betimes";
  absorb(node, before);
}

Tensor transposed(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0];
  const int64_t columns = matrix.shape()[1];
  Tensor result(matrix.dtype(), {columns, rows});
  betimes::visit(matrix.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto in = matrix.data<T>();
    auto out = result.mutable_data<T>();
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        out[static_cast<size_t>(c * rows + r)] = in[static_cast<size_t>(r * columns + c)];
      }
    }
  });
  return result;
}

/// Makes Gemm's weights [in, out]; they may be a constant or a constant's DequantizeLinear.
bool untranspose(Rewriter& rewriter, Node& gemm) {
  if (gemm.get("transB", int64_t{0}) == 0) return true;
  if (const Tensor* weights = rewriter.constant(gemm.inputs[1])) {
    gemm.inputs[1] = rewriter.add_constant(gemm.inputs[1] + "_transposed", transposed(*weights));
    return true;
  }
  Node* dequantize = rewriter.producer(gemm.inputs[1]);
  if (!is(dequantize, "DequantizeLinear") || !rewriter.only_consumer(gemm.inputs[1])) return false;
  const Tensor* weights = rewriter.constant(dequantize->inputs[0]);
  const Tensor* scale = rewriter.constant(dequantize->inputs[1]);
  if (!weights || !scale || weights->shape().size() != 2) return false;
  dequantize->inputs[0] =
      rewriter.add_constant(dequantize->inputs[0] + "_transposed", transposed(*weights));
  if (scale->size() > 1) {
    const int64_t axis = dequantize->get("axis", int64_t{1});
    dequantize->attributes["axis"] = int64_t{1} - (axis < 0 ? axis + 2 : axis);
  }
  return true;
}

/// The bias as [columns]; nullopt where Gemm's C isn't one number for each column.
std::optional<std::string> column_bias(Rewriter& rewriter, const Node& gemm, int64_t columns) {
  if (gemm.inputs.size() < 3 || gemm.inputs[2].empty()) return std::string();
  if (gemm.get("beta", 1.0f) != 1.0f) return std::nullopt;
  const std::string& name = gemm.inputs[2];
  const Tensor* bias = rewriter.constant(name);
  if (!bias) {  // a bias that is dequantized from int32
    return rewriter.type(name).shape == Shape{columns} ? std::optional(name) : std::nullopt;
  }
  const Shape& shape = bias->shape();
  if (shape == Shape{columns}) return name;
  if (shape == Shape{1, columns})
    return rewriter.add_constant(name + "_flat", bias->reshaped({columns}));
  return std::nullopt;
}

bool gemm_to_matmul(Rewriter& rewriter, Node& node) {
  const bool plain = node.get("transA", int64_t{0}) == 0 && node.get("alpha", 1.0f) == 1.0f;
  if (!plain) return false;
  const auto bias = column_bias(rewriter, node, rewriter.type(node.outputs[0]).shape[1]);
  if (!bias || !untranspose(rewriter, node)) return false;
  to_fused(node, "MatMul");
  node.inputs.resize(2);
  if (!bias->empty()) node.inputs.push_back(*bias);
  for (const char* key : {"transA", "transB", "alpha", "beta"}) node.attributes.erase(key);
  return true;
}

bool canonical(Rewriter& rewriter, Node& node) {
  if (!node.domain.empty() || node.inputs.empty() || node.outputs[0].empty()) return false;
  if (rewriter.type(node.outputs[0]).dtype != DType::f32) return false;
  if (node.op == "Conv" || node.op == "ConvTranspose") {
    to_fused(node, node.op.c_str());
    return true;
  }
  if (node.op == "Gemm") return gemm_to_matmul(rewriter, node);
  if (node.op == "MatMul") {
    const bool matrix = rewriter.type(node.inputs[1]).shape.size() == 2 &&
                        rewriter.type(node.inputs[0]).shape.size() >= 2;
    if (matrix) to_fused(node, "MatMul");
    return matrix;
  }
  return to_activation(rewriter, node);
}

}  // namespace

graph::Pass canonical_pass() { return node_pass("canonical", canonical); }

}  // namespace betimes::runtime
