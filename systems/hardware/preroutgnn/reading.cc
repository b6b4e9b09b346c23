#include "systems/hardware/preroutgnn/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t most_entries = axis_length * axis_length;

/// e^x for x <= 0 to 2e-7 of its value, without a call, so that the loop around it is vectorised:
/// 2^n times a polynomial (Taylor's, of degree 6) of the rest, which is within ln(2) / 2 of 0.
inline float quick_exp(float x) {
  const float bounded = std::max(x, -87.0f);
  const float turns = bounded * 1.44269504f;
  // Adding and taking away 1.5 * 2^23 rounds to a whole number.
  const float shifted = turns + 12582912.0f;
  const float whole = shifted - 12582912.0f;
  const float rest = (bounded - whole * 0.693145752f) - whole * 1.42860677e-6f;
  float value = 1.0f / 720;
  value = value * rest + 1.0f / 120;
  value = value * rest + 1.0f / 24;
  value = value * rest + 1.0f / 6;
  value = value * rest + 0.5f;
  value = value * rest + 1.0f;
  value = value * rest + 1.0f;
  const auto bits = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(12582912.0f);
  return value * std::bit_cast<float>((bits + 127) << 23);
}

struct OneReading {
  float value = 0, slope = 0;
};

/// One table by one head.
OneReading read_one(const float* keys, const float* values, size_t count, float least, float most,
                    float score) {
  const float highest = score * (score > 0 ? most : least);
  std::array<float, most_entries> weights;
  for (size_t e = 0; e < count; ++e) weights[e] = quick_exp(score * keys[e] - highest);
  float sum = 0, value = 0, key = 0, both = 0;
  for (size_t e = 0; e < count; ++e) {
    const float weighted = weights[e] * values[e];
    sum += weights[e];
    value += weighted;
    key += weights[e] * keys[e];
    both += weighted * keys[e];
  }
  const float scale = 1 / sum;
  // The softmax's derivative: the covariance of keys and values under its weights.
  return {value * scale, both * scale - value * scale * key * scale};
}

}  // namespace

TableEntries table_entries(std::span<const Arc> library, const ModelOptions& options,
                           const Statistics& statistics) {
  const std::vector<size_t> chosen = tables(options);
  TableEntries found;
  found.tables = chosen.size();
  found.first.push_back(0);
  for (const Arc& arc : library) {
    for (const size_t t : chosen) {
      const DelayTable& table = arc[t];
      if (table.rows > axis_length || table.columns > axis_length) {
        throw Error("library", fmt::format("has a table of {} x {}", table.rows, table.columns),
                    "7 x 7 at most");
      }
      for (size_t i = 0; i < table.rows; ++i) {
        for (size_t j = 0; j < table.columns; ++j) {
          found.keys.push_back(table.row_axis[i] * table.column_axis[j] / statistics.key);
          found.values.push_back(table.values[i * axis_length + j] / statistics.delay);
        }
      }
      found.first.push_back(static_cast<int64_t>(found.keys.size()));
    }
  }
  return found;
}

void read_tables(const TableEntries& entries, std::span<const int64_t> arcs,
                 std::span<const float> scores, int64_t heads, std::span<float> read,
                 std::span<float> slopes) {
  const size_t per_edge = entries.tables * static_cast<size_t>(heads);
  if (scores.size() != arcs.size() * per_edge || read.size() != scores.size() ||
      (!slopes.empty() && slopes.size() != scores.size())) {
    throw Error("reading of tables", fmt::format("has {} scores", scores.size()),
                std::to_string(arcs.size() * per_edge));
  }
  const auto library = static_cast<int64_t>((entries.first.size() - 1) / entries.tables);
  for (size_t i = 0; i < arcs.size(); ++i) {
    if (arcs[i] < 0 || arcs[i] >= library) {
      throw Error("reading of tables", fmt::format("has arc {}", arcs[i]),
                  fmt::format("one of {}", library));
    }
    for (size_t t = 0; t < entries.tables; ++t) {
      const size_t table = static_cast<size_t>(arcs[i]) * entries.tables + t;
      const auto first = static_cast<size_t>(entries.first[table]);
      const size_t count = static_cast<size_t>(entries.first[table + 1]) - first;
      const float* keys = entries.keys.data() + first;
      const auto [least, most] = std::minmax_element(keys, keys + count);
      for (size_t h = 0; h < static_cast<size_t>(heads); ++h) {
        const size_t at = i * per_edge + t * static_cast<size_t>(heads) + h;
        const OneReading one = count == 0 ? OneReading{}
                                          : read_one(keys, entries.values.data() + first, count,
                                                     *least, *most, scores[at]);
        read[at] = one.value;
        if (!slopes.empty()) slopes[at] = one.slope;
      }
    }
  }
}

}  // namespace betimes::systems::preroutgnn
