#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace betimes {

/// Random numbers from a seed. The standard's generator is the same everywhere but its
/// distributions aren't, so those are our own: the same seed gives the same numbers with any
/// library.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t bits() { return engine_(); }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), n >= 1, without bias.
  uint64_t below(uint64_t n);
  /// Standard normal (Box and Muller 1958).
  double normal();

  template <class T>
  void shuffle(std::span<T> values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace betimes
