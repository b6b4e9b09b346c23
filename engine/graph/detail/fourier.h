#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

namespace betimes::graph::detail {

/// Discrete Fourier transforms of one length, in double precision and O(n log n): powers of two by
/// decimation in time (Cooley and Tukey, 1965), other lengths as a convolution of such a length
/// (Bluestein, 1970). Not for use by several threads at once.
class Fourier {
 public:
  using Complex = std::complex<double>;

  explicit Fourier(int64_t length);

  int64_t length() const { return static_cast<int64_t>(length_); }
  /// In place, over `length` numbers: sum of x[k] e^(-2 pi i jk / n), or of e^(+...) divided by n.
  void transform(std::span<Complex> x, bool inverse);

 private:
  void power_of_two(std::span<Complex> x, bool inverse) const;

  size_t length_;
  std::vector<Complex> roots_;     // e^(-2 pi i k / m), k < m / 2, m the power of two
  std::vector<Complex> chirp_;     // e^(-pi i k^2 / n); empty for a power of two
  std::vector<Complex> spectrum_;  // of the chirp's conjugate
  std::vector<Complex> work_;
};

}  // namespace betimes::graph::detail
