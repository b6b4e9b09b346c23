#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/attention.h"

namespace betimes::runtime {

/// Attention cut into units: a head's queries, at most `query_block` at a time.
struct AttentionWork {
  graph::AttentionShape shape;
  int64_t query_block = 0;

  int64_t units_of_head() const { return (shape.queries + query_block - 1) / query_block; }
  int64_t units() const { return shape.heads * units_of_head(); }
};

/// Where the operands lie; mask may be null.
struct AttentionData {
  const float* query = nullptr;
  const float* key = nullptr;
  const float* value = nullptr;
  const float* mask = nullptr;
  float* output = nullptr;
};

/// Attention compiled once for each instruction-set level (attention.inl). Works on units
/// [unit, end); different units may be worked on at the same time, each thread with scratch memory
/// of its own, aligned to 64 bytes.
struct AttentionLoops {
  const char* level;
  size_t (*scratch_floats)(const AttentionWork& work);
  void (*run)(const AttentionWork& work, const AttentionData& data, int64_t unit, int64_t end,
              float* scratch);
};

/// The loops of the active level.
const AttentionLoops& attention_loops();
/// Of each level this processor has, lowest first: what tests compare.
std::vector<const AttentionLoops*> all_attention_loops();

}  // namespace betimes::runtime
