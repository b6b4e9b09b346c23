#include <fmt/format.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/preroutgnn/served_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

const Tensor& tensor_of(const Weights& weights, const std::string& name, const Shape& shape,
                        const std::string& where) {
  const auto found = weights.find(name);
  if (found == weights.end()) throw Error(where, fmt::format("lacks {}", name));
  if (found->second.dtype() != DType::f32 || found->second.shape() != shape) {
    throw Error(where, fmt::format("{} is {}", name, to_string(found->second.type())),
                to_string(shape));
  }
  return found->second;
}

}  // namespace

FoldedReading fold_attention(const Weights& weights, const std::string& where,
                             const ModelOptions& options, const Linear& message, int64_t first) {
  constexpr int64_t wide = attention_width, own = attention_width / attention_heads;
  const auto tables = static_cast<int64_t>(options.tables());
  const int64_t heads = tables * attention_heads;
  if (message.in() != first + tables * wide) {
    throw Error(where, fmt::format("message.0.weight has {} inputs", message.in()),
                std::to_string(first + tables * wide));
  }
  const auto project =
      tensor_of(weights, "reader.project.weight", {wide, wide}, where).data<float>();
  const auto project_bias = tensor_of(weights, "reader.project.bias", {wide}, where).data<float>();
  const auto out = tensor_of(weights, "reader.out.weight", {wide, wide}, where).data<float>();
  const auto out_bias = tensor_of(weights, "reader.out.bias", {wide}, where).data<float>();
  const auto key = tensor_of(weights, "reader.key", {wide}, where).data<float>();
  const auto value = tensor_of(weights, "reader.value", {wide}, where).data<float>();
  const auto value_bias = tensor_of(weights, "reader.value_bias", {wide}, where).data<float>();
  const auto at = [](std::span<const float> matrix, int64_t columns, int64_t row, int64_t column) {
    return double{matrix[static_cast<size_t>(row * columns + column)]};
  };
  const auto of = [](std::span<const float> vector, int64_t i) {
    return double{vector[static_cast<size_t>(i)]};
  };

  // A head's score: its part of the projected query, times its part of the key's weights.
  FoldedReading found;
  found.query = find_linears(weights, "reader.query.", where);
  const Linear last = found.query.back();
  if (last.out() != tables * wide) {
    throw Error(where, fmt::format("the query has {} numbers", last.out()),
                std::to_string(tables * wide));
  }
  const auto last_weight = last.weight.data<float>(), last_bias = last.bias.data<float>();
  Linear scores{Tensor(DType::f32, {heads, last.in()}), Tensor(DType::f32, {heads})};
  const auto score_weight = scores.weight.mutable_data<float>();
  const auto score_bias = scores.bias.mutable_data<float>();
  const double scale = 1 / std::sqrt(static_cast<double>(own));
  for (int64_t t = 0; t < tables; ++t) {
    for (int64_t h = 0; h < attention_heads; ++h) {
      std::vector<double> row(static_cast<size_t>(last.in()), 0.0);
      double bias = 0;
      for (int64_t d = h * own; d < (h + 1) * own; ++d) {
        bias += of(key, d) * of(project_bias, d);
        for (int64_t e = 0; e < wide; ++e) {
          const double factor = of(key, d) * at(project, wide, d, e);
          bias += factor * of(last_bias, t * wide + e);
          for (size_t j = 0; j < row.size(); ++j) {
            row[j] += factor * at(last_weight, last.in(), t * wide + e, static_cast<int64_t>(j));
          }
        }
      }
      const auto place = static_cast<size_t>(t * attention_heads + h);
      score_bias[place] = static_cast<float>(scale * bias);
      for (size_t j = 0; j < row.size(); ++j) {
        score_weight[place * row.size() + j] = static_cast<float>(scale * row[j]);
      }
    }
  }
  found.query.back() = scores;

  // What a head reads goes through the values' weights, the output layer and the message's first.
  const auto message_weight = message.weight.data<float>();
  found.into_message = {Tensor(DType::f32, {message.out(), heads}),
                        Tensor(DType::f32, {message.out()})};
  const auto into = found.into_message.weight.mutable_data<float>();
  const auto constant = found.into_message.bias.mutable_data<float>();
  for (int64_t i = 0; i < message.out(); ++i) {
    double bias = 0;
    for (int64_t t = 0; t < tables; ++t) {
      for (int64_t e = 0; e < wide; ++e) {
        const double factor = at(message_weight, message.in(), i, first + t * wide + e);
        bias += factor * of(out_bias, e);
        for (int64_t d = 0; d < wide; ++d) {
          const double through = factor * at(out, wide, e, d);
          bias += through * of(value_bias, d);
          into[static_cast<size_t>(i * heads + t * attention_heads + d / own)] +=
              static_cast<float>(through * of(value, d));
        }
      }
    }
    constant[static_cast<size_t>(i)] = static_cast<float>(bias);
  }
  return found;
}

}  // namespace betimes::systems::preroutgnn
