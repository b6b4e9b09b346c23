#include "betimes/runtime/detail/product.h"

namespace betimes::runtime {

std::optional<Product> product_of(const Candidate& candidate) {
  const graph::Node& node = candidate.node();
  const Shape& in = candidate.context.shape(0);
  const Shape& weights = candidate.context.shape(1);
  if (weights.size() != 2 || in.size() < 2) return std::nullopt;
  Product product;
  if (node.op == "Gemm") {
    const bool plain = node.get("transA", int64_t{0}) == 0 && node.get("alpha", 1.0f) == 1.0f &&
                       (node.get("beta", 1.0f) == 1.0f || !candidate.context.present(2));
    if (!plain) return std::nullopt;
    product.transposed = node.get("transB", int64_t{0}) != 0;
  }
  product.inner = in.back();
  product.columns = candidate.outputs[0].shape.back();
  if (product.inner == 0 || product.columns == 0) return std::nullopt;
  product.rows = element_count(in) / product.inner;
  return product;
}

bool bias_fits(const Candidate& candidate, const Product& product) {
  if (!candidate.context.present(2)) return true;
  const Tensor* bias = candidate.constant(2);
  return bias && bias->size() == product.columns && bias->shape().back() == product.columns;
}

}  // namespace betimes::runtime
