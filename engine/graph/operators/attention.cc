#include "betimes/graph/attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/walk.h"

// Attention, an operator of domain "betimes" that runtime/passes/attention.cc makes of the
// products, transposes and the softmax that exporters write.

namespace betimes::graph {

using namespace detail;

namespace {

enum Input : size_t { query, key, value, mask };

std::vector<size_t> order_of(const NodeContext& context, const char* attribute, size_t rank) {
  std::vector<int64_t> order(rank);
  std::iota(order.begin(), order.end(), int64_t{0});
  std::vector<int64_t> given = context.node.get(attribute, order);
  if (!std::is_permutation(order.begin(), order.end(), given.begin(), given.end())) {
    fail(context, std::string("attribute '") + attribute + "' is " + to_string(given),
         "a permutation of " + std::to_string(rank) + " axes");
  }
  return {given.begin(), given.end()};
}

/// An operand after its transpose.
struct Operand {
  Shape shape;
  Strides strides;

  int64_t rows() const { return shape[shape.size() - 2]; }
  int64_t columns() const { return shape.back(); }
};

Operand transposed(const Shape& shape, const std::vector<size_t>& order) {
  const Strides strides = row_major(shape);
  Operand result;
  for (const size_t axis : order) {
    result.shape.push_back(shape[axis]);
    result.strides.push_back(strides[axis]);
  }
  return result;
}

/// The operand as a matrix of each head; axes of extent 1 repeat.
HeadMatrix matrices(const Operand& operand, const Shape& heads) {
  const auto stride = [&](size_t axis) {
    return operand.shape[axis] == 1 ? int64_t{0} : operand.strides[axis];
  };
  HeadMatrix result{{0}, stride(heads.size()), stride(heads.size() + 1)};
  for (size_t axis = 0; axis < heads.size(); ++axis) {
    std::vector<int64_t> next;
    for (const int64_t at : result.heads) {
      for (int64_t i = 0; i < heads[axis]; ++i) next.push_back(at + i * stride(axis));
    }
    result.heads = std::move(next);
  }
  return result;
}

/// The extents that count heads: those of Q, K and V broadcast.
Shape heads_of(const NodeContext& context, const std::vector<Operand>& operands) {
  Shape heads(operands[0].shape.begin(), operands[0].shape.end() - 2);
  for (size_t i = 1; i < operands.size(); ++i) {
    for (size_t axis = 0; axis < heads.size(); ++axis) {
      const int64_t extent = operands[i].shape[axis];
      if (heads[axis] == 1) heads[axis] = extent;
      if (extent != 1 && extent != heads[axis]) {
        fail(context, found_input(context, i) + " after its transpose",
             "heads " + to_string(heads));
      }
    }
  }
  return heads;
}

Operand mask_of(const NodeContext& context, const Shape& scores) {
  require_broadcastable(context, mask, scores);
  Shape shape = context.shape(mask);
  shape.insert(shape.begin(), scores.size() - shape.size(), 1);
  return {shape, row_major(shape)};
}

std::vector<TensorType> infer(const NodeContext& context) {
  for (size_t i = query; i <= mask; ++i) {
    if (i < mask || context.present(i)) require_dtype(context, i, DType::f32);
  }
  return one(DType::f32, attention_shape(context).output_shape);
}

/// One row of scores becomes shares that sum to 1.
void normalize(std::span<double> scores) {
  const double top = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& x : scores) sum += x = std::exp(x - top);
  for (double& x : scores) x /= sum;
}

void attend(const AttentionShape& s, std::span<const TensorView> inputs, const TensorView& output,
            size_t head, int64_t row, std::span<double> scores) {
  const auto row_of = [&](const HeadMatrix& matrix, size_t input, int64_t at) {
    return inputs[input].as<float>() + matrix.heads[head] + at * matrix.row_stride;
  };
  const float* q = row_of(s.query, query, row);
  for (int64_t j = 0; j < s.keys; ++j) {
    const float* k = row_of(s.key, key, j);
    double sum = 0;
    for (int64_t d = 0; d < s.depth; ++d) {
      sum += static_cast<double>(q[d * s.query.column_stride]) *
             static_cast<double>(k[d * s.key.column_stride]);
    }
    sum *= static_cast<double>(s.scale);
    if (!s.mask.heads.empty()) {
      sum += static_cast<double>(row_of(s.mask, mask, row)[j * s.mask.column_stride]);
    }
    scores[static_cast<size_t>(j)] = sum;
  }
  normalize(scores);
  float* out = output.as<float>() + s.output.heads[head] + row * s.output.row_stride;
  for (int64_t d = 0; d < s.value_depth; ++d) {
    double sum = 0;
    for (int64_t j = 0; j < s.keys; ++j) {
      sum += scores[static_cast<size_t>(j)] *
             static_cast<double>(row_of(s.value, value, j)[d * s.value.column_stride]);
    }
    out[d * s.output.column_stride] = static_cast<float>(sum);
  }
}

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  return [s = attention_shape(context)](std::span<const TensorView> inputs,
                                        std::span<const TensorView> outputs) {
    std::vector<double> scores(static_cast<size_t>(s.keys));
    for (int64_t head = 0; head < s.heads; ++head) {
      for (int64_t row = 0; row < s.queries; ++row) {
        attend(s, inputs, outputs[0], static_cast<size_t>(head), row, scores);
      }
    }
  };
}

}  // namespace

AttentionShape attention_shape(const NodeContext& context) {
  require_rank(context, query, 2, max_rank);
  const size_t rank = context.shape(query).size();
  for (const size_t i : {key, value}) require_rank(context, i, rank, rank);
  const std::vector<Operand> operands = {
      transposed(context.shape(query), order_of(context, "query_order", rank)),
      transposed(context.shape(key), order_of(context, "key_order", rank)),
      transposed(context.shape(value), order_of(context, "value_order", rank))};
  const auto& [q, k, v] = std::tie(operands[query], operands[key], operands[value]);
  const auto after = [&](size_t i) { return found_input(context, i) + " after its transpose"; };
  if (k.columns() != q.columns()) {
    fail(context, after(key), std::to_string(q.columns()) + " columns, as many as the queries");
  }
  if (v.rows() != k.rows()) {
    fail(context, after(value), std::to_string(k.rows()) + " rows, as many as the keys");
  }
  if (k.rows() == 0) fail(context, after(key), "at least one key");

  const Shape heads = heads_of(context, operands);
  AttentionShape result;
  result.heads = element_count(heads);
  result.queries = q.rows();
  result.keys = k.rows();
  result.depth = q.columns();
  result.value_depth = v.columns();
  result.scale = context.node.get("scale", 1.0f);
  result.query = matrices(q, heads);
  result.key = matrices(k, heads);
  result.value = matrices(v, heads);
  if (context.present(mask)) {
    Shape scores = heads;
    scores.insert(scores.end(), {q.rows(), k.rows()});
    result.mask = matrices(mask_of(context, scores), heads);
  }
  Operand out{heads, Strides(rank)};
  out.shape.insert(out.shape.end(), {q.rows(), v.columns()});
  const std::vector<size_t> order = order_of(context, "output_order", rank);
  for (const size_t axis : order) result.output_shape.push_back(out.shape[axis]);
  const Strides strides = row_major(result.output_shape);
  for (size_t i = 0; i < rank; ++i) out.strides[order[i]] = strides[i];
  result.output = matrices(out, heads);
  return result;
}

void register_attention(OperatorRegistry& registry) {
  registry.add({.name = "Attention",
                .domain = "betimes",
                .min_inputs = 3,
                .max_inputs = 4,
                .attributes = {{"query_order", AttributeKind::integers},
                               {"key_order", AttributeKind::integers},
                               {"value_order", AttributeKind::integers},
                               {"output_order", AttributeKind::integers},
                               {"scale", AttributeKind::real},
                               {"sources", AttributeKind::texts}},
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph
