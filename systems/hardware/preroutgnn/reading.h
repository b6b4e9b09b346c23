#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "systems/hardware/preroutgnn/features.h"
#include "systems/hardware/preroutgnn/model.h"

namespace betimes::systems::preroutgnn {

/// The library's tables as attention reads them. With keys and values of width 1, a head's score of
/// an entry is its key times one number that hangs on the query (and an offset that softmax drops),
/// and what it reads is one number: the weighted mean of the values. Entries that only pad a table
/// aren't there.
struct TableEntries {
  size_t tables = 0;           // of an arc
  std::vector<int64_t> first;  // [arcs * tables + 1]: where a table's entries begin
  std::vector<float> keys;     // row axis * column axis, scaled
  std::vector<float> values;   // scaled
};
TableEntries table_entries(std::span<const Arc> library, const ModelOptions& options,
                           const Statistics& statistics);

/// For edge i with library arc arcs[i], table t and head h:
///   read[i][t][h] = sum_e softmax_e(scores[i][t][h] * key_e) value_e,
/// 0 for a table without entries; `slopes`, unless empty, gets d read / d scores. Sizes: [edges *
/// tables * heads]; throws Error for others and for arcs that aren't there.
void read_tables(const TableEntries& entries, std::span<const int64_t> arcs,
                 std::span<const float> scores, int64_t heads, std::span<float> read,
                 std::span<float> slopes);

}  // namespace betimes::systems::preroutgnn
