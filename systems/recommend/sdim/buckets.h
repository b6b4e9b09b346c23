#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "systems/recommend/sdim/hashing.h"

namespace betimes::systems::sdim {

/// How a table's numbers are stored and sent; int8 has a scale for each row. A scorer computes in
/// fp32 with what is left of them.
enum class TablePrecision { fp32, fp16, int8 };

/// A user's history as the scorer needs it: for each round and bucket the sum of the items in it,
/// scaled to length 1 (a zero sum stays zero). What is published; never changes.
class BucketTable {
 public:
  BucketTable(const HashOptions& options, int width, uint64_t embedding_version,
              std::span<const float> sums, bool normalise, TablePrecision precision);

  /// Which embeddings it was made from; a scorer with others must refuse it.
  uint64_t embedding_version() const { return embedding_version_; }
  const HashOptions& options() const { return options_; }
  int width() const { return width_; }
  /// Bytes that are stored and sent from the encoder to the scorer.
  size_t bytes() const;
  /// Mean over rounds of the row that each signature names, for each candidate: `signatures`
  /// [n, rounds] -> `interests` [n, width]. What a candidate costs doesn't depend on the history.
  /// Throws Error for sizes that don't fit and signatures that name no bucket.
  void interests(std::span<const uint16_t> signatures, std::span<float> interests) const;

 private:
  HashOptions options_;
  int width_;
  uint64_t embedding_version_;
  TablePrecision precision_;
  std::vector<float> rows_;  // [rounds, buckets, width]
};

/// Keeps one user's raw bucket sums up to date, off the request path (the paper's Behaviour
/// Sequence Encoding server). Used by one thread at a time; what it publishes may be read by all.
class BehaviourEncoder {
 public:
  BehaviourEncoder(std::shared_ptr<const SignHash> hash, uint64_t embedding_version,
                   TablePrecision precision = TablePrecision::fp32, bool normalise = true);

  /// From nothing: `items` [n, width], embeddings of the history. Throws Error for numbers that
  /// aren't finite.
  void rebuild(std::span<const float> items);
  void append(std::span<const float> item);
  /// Takes out an item that was appended before. After many of these the sums drift: drift() tells,
  /// and rebuild() mends.
  void evict(std::span<const float> item);
  int64_t items() const { return items_; }
  /// Appends and evictions since the last rebuild.
  int64_t drift() const { return changes_; }
  std::shared_ptr<const BucketTable> publish() const;

 private:
  void add(std::span<const float> items, float sign);

  std::shared_ptr<const SignHash> hash_;
  uint64_t embedding_version_;
  TablePrecision precision_;
  bool normalise_;
  std::vector<float> sums_;  // [rounds, buckets, width]
  int64_t items_ = 0;
  int64_t changes_ = 0;
};

}  // namespace betimes::systems::sdim
