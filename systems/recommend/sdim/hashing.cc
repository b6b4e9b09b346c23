#include "systems/recommend/sdim/hashing.h"

#include <algorithm>
#include <cmath>
#include <dnnl.hpp>
#include <numbers>
#include <string>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

namespace betimes::systems::sdim {

SignHash::SignHash(int width, const HashOptions& options) : options_(options), width_(width) {
  if (options.bits < 1 || options.bits > 16) {
    throw Error("bits", "are " + std::to_string(options.bits),
                "1 to 16: a table has 2^bits buckets");
  }
  if (options.functions < options.bits || options.functions % options.bits != 0) {
    throw Error("hash functions", "are " + std::to_string(options.functions),
                "a multiple of the " + std::to_string(options.bits) + " bits of a signature");
  }
  if (width < 1) throw Error("width", "is " + std::to_string(width), "a positive number");
  Random random(options.seed);
  planes_.resize(static_cast<size_t>(options.functions) * static_cast<size_t>(width));
  for (float& value : planes_) value = static_cast<float>(random.normal());
}

void SignHash::signatures(std::span<const float> vectors, std::span<uint16_t> signatures) const {
  const auto width = static_cast<size_t>(width_);
  const auto functions = static_cast<size_t>(options_.functions);
  const auto rounds = static_cast<size_t>(options_.rounds());
  const auto bits = static_cast<size_t>(options_.bits);
  const size_t count = vectors.size() / width;
  if (vectors.size() % width != 0 || signatures.size() != count * rounds) {
    throw Error("signatures", "don't fit the vectors",
                std::to_string(rounds) + " for each " + std::to_string(width) + " numbers");
  }
  if (count == 0) return;
  std::vector<float> projections(count * functions);
  const auto n = static_cast<int64_t>(count), k = static_cast<int64_t>(width),
             m = static_cast<int64_t>(functions);
  dnnl_sgemm('N', 'T', n, m, k, 1.0f, vectors.data(), k, planes_.data(), k, 0.0f,
             projections.data(), m);
  const float* projection = projections.data();
  for (uint16_t& signature : signatures) {
    unsigned code = 0;
    for (size_t b = 0; b < bits; ++b) code |= static_cast<unsigned>(projection[b] > 0) << b;
    signature = static_cast<uint16_t>(code);
    projection += bits;
  }
}

std::vector<uint16_t> SignHash::signatures(std::span<const float> vectors) const {
  std::vector<uint16_t> found(vectors.size() / static_cast<size_t>(width_) *
                              static_cast<size_t>(options_.rounds()));
  signatures(vectors, found);
  return found;
}

double collision_probability(std::span<const float> a, std::span<const float> b, int bits) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  const double norms = std::sqrt(aa * bb);
  const double cosine = norms > 0 ? std::clamp(dot / norms, -1.0, 1.0) : 0.0;
  return std::pow(1 - std::acos(cosine) / std::numbers::pi, bits);
}

std::vector<double> expected_interest(std::span<const float> query, std::span<const float> history,
                                      int bits) {
  std::vector<double> sum(query.size(), 0.0);
  for (size_t at = 0; at + query.size() <= history.size(); at += query.size()) {
    const std::span<const float> item = history.subspan(at, query.size());
    const double p = collision_probability(query, item, bits);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += p * double{item[i]};
  }
  return sum;
}

}  // namespace betimes::systems::sdim
