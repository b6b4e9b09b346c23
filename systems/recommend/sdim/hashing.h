#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Attention over a long history by sampling hash buckets: "Sampling Is All You Need on Modeling
// Long-Term User Behaviors for CTR Prediction" (CIKM 2022).

namespace betimes::systems::sdim {

struct HashOptions {
  int functions = 48;  // m: random hyperplanes
  int bits = 3;        // tau: hyperplanes a signature, so 2^tau buckets
  uint64_t seed = 1;   // of the hyperplanes: whoever encodes and whoever scores must agree
  int rounds() const { return functions / bits; }
  int buckets() const { return 1 << bits; }
};

/// Signatures by the signs of random projections (Charikar 2002): two vectors at an angle t share
/// one with probability (1 - t/pi)^bits.
class SignHash {
 public:
  /// For vectors of `width` numbers. Throws Error unless 1 <= bits <= 16, functions is a multiple
  /// of bits, and width is positive.
  SignHash(int width, const HashOptions& options);

  const HashOptions& options() const { return options_; }
  int width() const { return width_; }
  /// `vectors` [n, width] -> `signatures` [n, rounds], each below buckets(); a projection of
  /// exactly 0 is bit 0. One matrix product for all. Throws Error for sizes that don't fit.
  void signatures(std::span<const float> vectors, std::span<uint16_t> signatures) const;
  std::vector<uint16_t> signatures(std::span<const float> vectors) const;
  /// The hyperplanes' normals, [functions, width].
  std::span<const float> planes() const { return planes_; }

 private:
  HashOptions options_;
  int width_;
  std::vector<float> planes_;
};

/// (1 - angle/pi)^bits between two vectors; a zero vector is at a right angle to all.
double collision_probability(std::span<const float> a, std::span<const float> b, int bits);

/// What infinitely many rounds without normalisation would give: sum over j of p(query, s_j) s_j.
std::vector<double> expected_interest(std::span<const float> query, std::span<const float> history,
                                      int bits);

}  // namespace betimes::systems::sdim
