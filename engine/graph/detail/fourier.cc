#include "betimes/graph/detail/fourier.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace betimes::graph::detail {
namespace {

using Complex = Fourier::Complex;

Complex root(size_t k, size_t n) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), -std::sin(angle)};
}

}  // namespace

Fourier::Fourier(int64_t length) : length_(static_cast<size_t>(length)) {
  const bool direct = length_ <= 1 || std::has_single_bit(length_);
  const size_t size = direct ? length_ : std::bit_ceil(2 * length_ - 1);
  for (size_t k = 0; k < size / 2; ++k) roots_.push_back(root(k, size));
  if (direct) return;
  // k^2 is taken modulo 2n, which keeps the angle exact for long transforms.
  for (size_t k = 0; k < length_; ++k) chirp_.push_back(root(k * k % (2 * length_), 2 * length_));
  spectrum_.assign(size, 0);
  for (size_t k = 0; k < length_; ++k) {
    spectrum_[k] = spectrum_[(size - k) % size] = std::conj(chirp_[k]);
  }
  power_of_two(spectrum_, false);
  work_.resize(size);
}

void Fourier::power_of_two(std::span<Complex> x, bool inverse) const {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t half = 1; half < n; half *= 2) {
    const size_t step = n / (2 * half);
    for (size_t start = 0; start < n; start += 2 * half) {
      for (size_t k = 0; k < half; ++k) {
        const Complex turn = inverse ? std::conj(roots_[k * step]) : roots_[k * step];
        const Complex odd = x[start + k + half] * turn;
        x[start + k + half] = x[start + k] - odd;
        x[start + k] += odd;
      }
    }
  }
}

void Fourier::transform(std::span<Complex> x, bool inverse) {
  if (length_ <= 1) return;
  if (chirp_.empty()) {
    power_of_two(x, inverse);
  } else {
    // The inverse is the transform of the conjugate, conjugated.
    const auto turned = [&](const Complex& z) { return inverse ? std::conj(z) : z; };
    std::fill(work_.begin(), work_.end(), Complex(0));
    for (size_t k = 0; k < length_; ++k) work_[k] = turned(x[k]) * chirp_[k];
    power_of_two(work_, false);
    for (size_t k = 0; k < work_.size(); ++k) work_[k] *= spectrum_[k];
    power_of_two(work_, true);
    const double scale = 1 / static_cast<double>(work_.size());
    for (size_t k = 0; k < length_; ++k) x[k] = turned(work_[k] * chirp_[k] * scale);
  }
  if (!inverse) return;
  for (Complex& z : x) z /= static_cast<double>(length_);
}

}  // namespace betimes::graph::detail
