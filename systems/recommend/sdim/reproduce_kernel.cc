#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "betimes/base/random.h"
#include "systems/recommend/sdim/buckets.h"
#include "systems/recommend/sdim/reproduce_checks.h"

namespace betimes::systems::sdim {
namespace {

constexpr size_t width = 64;
constexpr size_t count = 1024;
constexpr int repeats = 40;  // hashes a setting: one alone is a sample of the error

/// Unit vectors at angles of 0.1 to 0.9 pi to the first axis, which is the query.
std::vector<float> spread_vectors(uint64_t seed) {
  Random random(seed);
  std::vector<float> all(count * width);
  for (size_t j = 0; j < count; ++j) {
    const double angle =
        std::numbers::pi * (0.1 + 0.8 * static_cast<double>(j) / static_cast<double>(count - 1));
    std::vector<double> side(width);
    double squares = 0;
    for (size_t i = 1; i < width; ++i) {
      side[i] = random.normal();
      squares += side[i] * side[i];
    }
    all[j * width] = static_cast<float>(std::cos(angle));
    for (size_t i = 1; i < width; ++i) {
      all[j * width + i] = static_cast<float>(std::sin(angle) * side[i] / std::sqrt(squares));
    }
  }
  return all;
}

struct Errors {
  double frequency = 0;  // root mean square over items and hashes
  double expected = 0;   // sqrt(mean p (1 - p) / G)
  double vector = 0;     // root mean square length of the summed vector's error
};

Errors errors_of(int bits, int rounds, uint64_t seed) {
  const std::vector<float> items = spread_vectors(seed);
  std::vector<float> query(width, 0.0f);
  query[0] = 1;
  const std::vector<double> sum = expected_interest(query, items, bits);
  Errors errors;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto hash = std::make_shared<SignHash>(
        static_cast<int>(width),
        HashOptions{bits * rounds, bits, seed * 1000 + static_cast<uint64_t>(repeat)});
    const auto own = hash->signatures(query);
    const auto others = hash->signatures(items);
    std::vector<double> found(width, 0.0);
    const auto g_count = static_cast<size_t>(rounds);
    for (size_t j = 0; j < count; ++j) {
      const auto item = std::span(items).subspan(j * width, width);
      const double p = collision_probability(query, item, bits);
      double hits = 0;
      for (size_t g = 0; g < g_count; ++g) hits += others[j * g_count + g] == own[g];
      const double frequency = hits / rounds;
      errors.frequency += (frequency - p) * (frequency - p) / static_cast<double>(count * repeats);
      errors.expected += p * (1 - p) / rounds / static_cast<double>(count * repeats);
      for (size_t i = 0; i < width; ++i) found[i] += frequency * double{item[i]};
    }
    for (size_t i = 0; i < width; ++i) {
      errors.vector += (found[i] - sum[i]) * (found[i] - sum[i]) / repeats;
    }
  }
  errors.frequency = std::sqrt(errors.frequency);
  errors.expected = std::sqrt(errors.expected);
  errors.vector = std::sqrt(errors.vector);
  return errors;
}

/// Least-squares slope of log y over log x.
double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mx = 0, my = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    mx += std::log(x[i]) / n;
    my += std::log(y[i]) / n;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (std::log(x[i]) - mx) * (std::log(x[i]) - mx);
    xy += (std::log(x[i]) - mx) * (std::log(y[i]) - my);
  }
  return xy / xx;
}

}  // namespace

void check_kernel(system::Study& study) {
  double worst = 0, shallowest = -1e9;
  system::Table table{"Collisions over 1024 unit vectors, d = 64, 40 hashes each",
                      {"bits", "rounds", "error", "sqrt(mean p(1-p)/G)", "vector error"},
                      {}};
  const std::vector<int> rounds =
      study.quick() ? std::vector<int>{1, 16, 64} : std::vector<int>{1, 4, 16, 64, 256};
  for (const int bits : {1, 2, 3, 5}) {
    std::vector<double> x, y;
    for (const int g : rounds) {
      study.progress(0, fmt::format("collisions, {} bits, {} rounds", bits, g));
      const Errors errors = errors_of(bits, g, study.seed());
      worst = std::max(worst, std::abs(errors.frequency / errors.expected - 1));
      x.push_back(g);
      y.push_back(errors.vector);
      table.rows.push_back({static_cast<double>(bits), static_cast<double>(g), errors.frequency,
                            errors.expected, errors.vector});
    }
    shallowest = std::max(shallowest, slope(x, y));
  }
  study.evidence("collisions", {worst, {}, repeats, ""});
  study.evidence("convergence", {shallowest, {}, repeats, "the shallowest of four bit counts"});
  study.table(std::move(table));
}

}  // namespace betimes::systems::sdim
