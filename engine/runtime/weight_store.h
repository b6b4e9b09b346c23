#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "betimes/base/memory.h"
#include "betimes/tensor/tensor.h"

namespace betimes::runtime {

/// Constant bytes that kernels read: weights as they were packed. Copies share them.
struct Weights {
  std::shared_ptr<const std::byte> data;
  size_t bytes = 0;
  bool found = false;  // the store had them when they were given to it

  const float* floats() const { return reinterpret_cast<const float*>(data.get()); }
};

/// What plans keep their weights in, so that equal ones exist once: plans of one model for other
/// shapes, thread counts or batches then cost little more than their activations. Weights are told
/// apart by their bytes alone, so nothing that a plan computes depends on who else shares them.
/// They go when the last plan that holds them goes. Any number of threads may use one store.
class WeightStore {
 public:
  /// Huge pages, where they are asked for, hold copies of what is shared, side by side.
  explicit WeightStore(bool huge_pages = false) : huge_pages_(huge_pages) {}
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  /// The tensor's bytes, or equal ones that some plan holds already.
  Weights share(Tensor tensor);
  /// What plans hold now, each once.
  size_t bytes() const;

 private:
  struct Entry {
    std::weak_ptr<const std::byte> data;
    size_t bytes = 0;
  };
  /// Weights side by side; they keep it alive.
  struct Chunk {
    Memory memory;
    size_t used = 0;
  };
  std::shared_ptr<const std::byte> keep(Tensor tensor);
  void drop_expired();

  const bool huge_pages_;
  mutable std::mutex mutex_;
  std::unordered_multimap<size_t, Entry> entries_;  // by the bytes' hash
  size_t crowded_ = 64;                             // entries at which to look for expired ones
  std::weak_ptr<Chunk> chunk_;                      // the one with room left
};

}  // namespace betimes::runtime
