#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace betimes::learn {

/// What one step of training sees: tensors whose first dimension is the batch.
struct Batch {
  std::vector<at::Tensor> inputs;
  at::Tensor targets;
};

/// Examples by number. Used by one thread at a time.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// The examples `chosen` (i64 [B]); what is random in them comes from `random`.
  virtual Batch get(const at::Tensor& chosen, std::mt19937_64& random) const = 0;
};

/// Tensors that hold all examples, one a row.
class TensorDataset : public Dataset {
 public:
  /// Throws Error unless all have equally many rows, one at least.
  TensorDataset(std::vector<at::Tensor> inputs, at::Tensor targets);
  int64_t size() const override { return targets_.size(0); }
  Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override;

 private:
  std::vector<at::Tensor> inputs_;
  at::Tensor targets_;
};

struct LoaderOptions {
  int64_t batch = 64;
  uint64_t seed = 1;
  bool shuffle = true;
  bool drop_last = true;  // leaves out the incomplete last batch
};

/// Goes through a dataset in batches. Order and randomness of an epoch depend only on the seed and
/// the epoch's number, so a resumed run sees what an unbroken one would have seen.
class Loader {
 public:
  /// Throws Error for a batch smaller than 1, or larger than the dataset where the last is dropped.
  Loader(const Dataset& data, const LoaderOptions& options);
  int64_t steps() const;
  void epoch(int number, const std::function<void(const Batch&)>& step) const;

 private:
  const Dataset& data_;
  LoaderOptions options_;
};

}  // namespace betimes::learn
