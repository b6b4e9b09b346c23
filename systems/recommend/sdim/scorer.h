#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "betimes/runtime/session.h"
#include "systems/recommend/sdim/buckets.h"

namespace betimes::systems::sdim {

/// Files that training writes and serving reads.
struct Files {
  std::string sampled, full, recent;  // ONNX
  explicit Files(const std::string& folder);
};

/// Scores candidates of one user from a published table: the request path.
class SampledScorer {
 public:
  /// `graph`: inputs candidates i64 [1, C], long_interest f32 [1, C, d], recent i64 [1, R]; output
  /// logits [1, C]. Its item embeddings must be the constant "items.weight". Signatures of all
  /// items are made here once when `cache` is set, else for each request.
  SampledScorer(const graph::Graph& graph, std::shared_ptr<const SignHash> hash,
                uint64_t embedding_version, int64_t candidates, int threads, bool cache = true);

  /// `candidates` and `recent` as long as the graph was planned for; the logits stay valid until
  /// the next call. Throws Error for a table of other embeddings or another hash.
  std::span<const float> score(std::span<const int64_t> candidates, std::span<const int64_t> recent,
                               const BucketTable& table);
  std::span<const float> embeddings() const { return embeddings_; }
  int64_t candidates() const { return candidates_; }

 private:
  std::shared_ptr<const SignHash> hash_;
  uint64_t embedding_version_;
  int64_t candidates_;
  std::vector<float> embeddings_;     // [items, d]
  std::vector<uint16_t> signatures_;  // [items, rounds]; empty without the cache
  std::vector<uint16_t> chosen_;      // of the candidates
  std::vector<float> rows_;           // embeddings of the candidates, without the cache
  runtime::Session session_;
};

/// Scores with a graph that has the whole history as an input: inputs candidates i64 [1, C] and
/// history i64 [1, L], output logits [1, C].
class HistoryScorer {
 public:
  HistoryScorer(const graph::Graph& graph, int64_t candidates, int64_t length, int threads);
  std::span<const float> score(std::span<const int64_t> candidates,
                               std::span<const int64_t> history);

 private:
  runtime::Session session_;
};

}  // namespace betimes::systems::sdim
