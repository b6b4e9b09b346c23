#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "betimes/base/random.h"
#include "betimes/tensor/tensor.h"

/// Seeded shapes and tensors for the operators' tests.
namespace betimes::graph::testing {

inline int64_t between(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
}
inline bool coin(Random& random) { return random.below(2) == 1; }

/// Extents of 1 and primes, now and then 0; at most about `most` elements.
inline Shape random_shape(Random& random, size_t rank, int64_t most = 600) {
  constexpr int64_t choices[] = {1, 1, 2, 3, 5, 7, 11};
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t extent = choices[random.below(7)];
    shape.push_back(extent <= most ? extent : 1);
    most /= shape.back();
  }
  if (rank > 0 && random.below(12) == 0) shape[random.below(rank)] = 0;
  return shape;
}

/// The shapes that every operator of any rank is tried with: ranks 0 to 6, each several times, one
/// with an extent of 0, and one of some size.
inline std::vector<Shape> ugly_shapes(Random& random) {
  std::vector<Shape> shapes = {{}, {0}, {1}, {2, 0, 3}, {1, 1, 1, 1}, {13, 101}};
  for (size_t rank = 1; rank <= 6; ++rank) {
    for (int i = 0; i < 2; ++i) shapes.push_back(random_shape(random, rank));
  }
  return shapes;
}

/// A shape that broadcasts to `to`: fewer axes, or extents of 1 for others.
inline Shape broadcastable(Random& random, const Shape& to) {
  Shape shape(to.begin() + between(random, 0, std::max<int64_t>(0, std::ssize(to) / 2)), to.end());
  for (int64_t& extent : shape) {
    if (random.below(3) == 0) extent = 1;
  }
  return shape;
}

/// Uniform in [low, high]; integers are whole, unsigned ones not below 0, booleans either.
inline Tensor random_tensor(Random& random, DType dtype, const Shape& shape, double low = -4,
                            double high = 4) {
  Tensor wide(DType::f64, shape);
  const bool is_signed = is_floating(dtype) || dtype == DType::i8 || dtype == DType::i16 ||
                         dtype == DType::i32 || dtype == DType::i64;
  if (!is_signed) low = std::max(low, 0.0);
  for (double& x : wide.mutable_data<double>()) {
    x = random.uniform(low, high);
    if (!is_floating(dtype)) x = std::floor(random.uniform(low, high + 1));
    if (dtype == DType::boolean) x = coin(random) ? 1 : 0;
  }
  return wide.cast(dtype);
}

inline Tensor integers(const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values);
}

}  // namespace betimes::graph::testing
