#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/operator.h"

namespace betimes::graph {

/// A matrix of each head, wherever it lies in a tensor: element (row, column) of head h is
/// heads[h] + row * row_stride + column * column_stride elements from the tensor's first. A stride
/// of 0 repeats.
struct HeadMatrix {
  std::vector<int64_t> heads;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

/// What a node betimes.Attention computes: out = softmax(scale * Q K^T + mask) V, for each head on
/// its own (Vaswani et al., "Attention is all you need", 2017). The operands' last two axes are a
/// head's matrix and the others count the heads, after each was transposed by the attribute
/// query_order, key_order or value_order; output_order transposes the result. A mask broadcasts to
/// [heads..., queries, keys].
struct AttentionShape {
  int64_t heads = 1;
  int64_t queries = 0;      // rows of Q, mask and out
  int64_t keys = 0;         // rows of K and V, columns of mask
  int64_t depth = 0;        // columns of Q and K
  int64_t value_depth = 0;  // columns of V and out
  float scale = 1;
  HeadMatrix query, key, value, mask, output;  // mask is empty where there is none
  Shape output_shape;
};

/// Throws Error where operands or orders don't fit.
AttentionShape attention_shape(const NodeContext& context);

}  // namespace betimes::graph
