#pragma once

#include <optional>

#include "betimes/runtime/detail/kernel.h"

namespace betimes::runtime {

/// A product with constant weights: out[rows, columns] = activation(in[rows, inner] weights +
/// bias).
struct Product {
  int64_t rows = 1, inner = 1, columns = 1;
  bool transposed = false;  // weights are [columns, inner]
};

/// What a Gemm or MatMul computes (betimes.MatMul included), if it is such a product; its operands
/// may still be computed while running.
std::optional<Product> product_of(const Candidate& candidate);

/// Whether the node's bias, if it has one, is constant and has one number a column.
bool bias_fits(const Candidate& candidate, const Product& product);

}  // namespace betimes::runtime
