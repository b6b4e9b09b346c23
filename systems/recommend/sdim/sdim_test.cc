#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "systems/recommend/sdim/buckets.h"
#include "systems/recommend/sdim/hashing.h"

namespace betimes::systems::sdim {
namespace {

std::vector<float> gaussian(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

/// A unit vector at `angle` to the unit vector `query`.
std::vector<float> at_angle(std::span<const float> query, double angle, Random& random) {
  std::vector<double> side(query.size());
  double dot = 0;
  for (size_t i = 0; i < side.size(); ++i) {
    side[i] = random.normal();
    dot += side[i] * double{query[i]};
  }
  double norm = 0;
  for (size_t i = 0; i < side.size(); ++i) {
    side[i] -= dot * double{query[i]};
    norm += side[i] * side[i];
  }
  std::vector<float> result(query.size());
  for (size_t i = 0; i < side.size(); ++i) {
    result[i] = static_cast<float>(std::cos(angle) * double{query[i]} +
                                   std::sin(angle) * side[i] / std::sqrt(norm));
  }
  return result;
}

std::vector<float> unit(std::vector<float> values) {
  double norm = 0;
  for (const float value : values) norm += double{value} * double{value};
  for (float& value : values) value = static_cast<float>(value / std::sqrt(norm));
  return values;
}

/// By the definition: round by round, item by item.
std::vector<double> naive_interest(const SignHash& hash, std::span<const float> query,
                                   std::span<const float> history, bool normalise) {
  const auto width = static_cast<size_t>(hash.width());
  const HashOptions& options = hash.options();
  const auto signature = [&](std::span<const float> x, int round) {
    unsigned code = 0;
    for (int b = 0; b < options.bits; ++b) {
      double dot = 0;
      const size_t plane = static_cast<size_t>(round * options.bits + b) * width;
      for (size_t i = 0; i < width; ++i) dot += double{hash.planes()[plane + i]} * double{x[i]};
      code |= static_cast<unsigned>(dot > 0) << b;
    }
    return code;
  };
  std::vector<double> interest(width, 0.0);
  for (int g = 0; g < options.rounds(); ++g) {
    std::vector<double> sum(width, 0.0);
    for (size_t at = 0; at < history.size(); at += width) {
      const auto item = history.subspan(at, width);
      if (signature(item, g) != signature(query, g)) continue;
      for (size_t i = 0; i < width; ++i) sum[i] += double{item[i]};
    }
    double norm = 0;
    for (const double value : sum) norm += value * value;
    norm = normalise && norm > 0 ? std::sqrt(norm) : 1;
    for (size_t i = 0; i < width; ++i) interest[i] += sum[i] / norm / options.rounds();
  }
  return interest;
}

class Interest : public ::testing::TestWithParam<std::tuple<int, int, int, int, bool>> {};

TEST_P(Interest, IsThatOfTheDefinition) {
  const auto [functions, bits, width, length, normalise] = GetParam();
  const auto hash = std::make_shared<SignHash>(width, HashOptions{functions, bits, 7});
  const auto d = static_cast<size_t>(width);
  const std::vector<float> history = gaussian(static_cast<size_t>(length) * d, 1);
  const std::vector<float> queries = gaussian(5 * d, 2);
  BehaviourEncoder encoder(hash, 1, TablePrecision::fp32, normalise);
  encoder.rebuild(history);
  std::vector<float> found(queries.size());
  encoder.publish()->interests(hash->signatures(queries), found);
  for (size_t q = 0; q < 5; ++q) {
    const auto query = std::span(queries).subspan(q * d, d);
    const auto expected = naive_interest(*hash, query, history, normalise);
    for (size_t i = 0; i < d; ++i) EXPECT_NEAR(found[q * d + i], expected[i], 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Interest,
    ::testing::Values(std::tuple(48, 3, 32, 200, true), std::tuple(48, 3, 32, 200, false),
                      std::tuple(8, 4, 13, 57, true), std::tuple(1, 1, 1, 9, false),
                      std::tuple(5, 1, 7, 1, true), std::tuple(6, 6, 3, 40, true),
                      std::tuple(48, 3, 32, 0, true)));

TEST(Signatures, CollideAsOftenAsAnglesSay) {
  Random random(3);
  const std::vector<float> query = unit(gaussian(64, 4));
  for (const int bits : {1, 2, 3, 5}) {
    const SignHash hash(64, {bits * 4000, bits, 11});
    const auto own = hash.signatures(query);
    for (const double share : {0.1, 0.3, 0.5, 0.7}) {
      const auto item = at_angle(query, share * std::numbers::pi, random);
      const auto others = hash.signatures(item);
      double hits = 0;
      for (size_t g = 0; g < own.size(); ++g) hits += own[g] == others[g];
      const double p = std::pow(1 - share, bits);
      EXPECT_NEAR(collision_probability(query, item, bits), p, 1e-5);
      EXPECT_NEAR(hits / 4000, p, 4 * std::sqrt(p * (1 - p) / 4000) + 1e-9);
    }
  }
}

TEST(Interest, ConvergesToItsExpectation) {
  const size_t d = 16;
  const std::vector<float> history = gaussian(100 * d, 5);
  const std::vector<float> query = gaussian(d, 6);
  const auto expected = expected_interest(query, history, 2);
  double before = 1e9;
  for (const int rounds : {16, 1024, 65536}) {
    const auto hash = std::make_shared<SignHash>(16, HashOptions{rounds * 2, 2, 12});
    BehaviourEncoder encoder(hash, 1, TablePrecision::fp32, false);
    encoder.rebuild(history);
    std::vector<float> found(d);
    encoder.publish()->interests(hash->signatures(query), found);
    double error = 0;
    for (size_t i = 0; i < d; ++i) error += std::pow(double{found[i]} - expected[i], 2);
    error = std::sqrt(error);
    EXPECT_LT(error, 0.5 * before);
    before = error;
  }
}

TEST(Encoder, AppendAndEvictAreARebuild) {
  const auto hash = std::make_shared<SignHash>(8, HashOptions{12, 3, 1});
  const std::vector<float> history = gaussian(30 * 8, 9);
  const auto item = [&](size_t j) { return std::span(history).subspan(j * 8, 8); };
  BehaviourEncoder rebuilt(hash, 1, TablePrecision::fp32, false);
  rebuilt.rebuild(std::span(history).subspan(5 * 8));
  BehaviourEncoder grown(hash, 1, TablePrecision::fp32, false);
  for (size_t j = 0; j < 30; ++j) grown.append(item(j));
  for (size_t j = 0; j < 5; ++j) grown.evict(item(j));
  EXPECT_EQ(grown.items(), 25);
  EXPECT_EQ(grown.drift(), 35);
  const auto signatures = hash->signatures(gaussian(4 * 8, 10));
  std::vector<float> a(4 * 8), b(4 * 8);
  rebuilt.publish()->interests(signatures, a);
  grown.publish()->interests(signatures, b);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

TEST(Encoder, AnEmptyHistoryInterestsNobody) {
  const auto hash = std::make_shared<SignHash>(8, HashOptions{12, 3, 1});
  BehaviourEncoder encoder(hash, 1);
  std::vector<float> found(8, 9.0f);
  encoder.publish()->interests(hash->signatures(gaussian(8, 1)), found);
  for (const float value : found) EXPECT_EQ(value, 0);
  EXPECT_THROW(encoder.evict(gaussian(8, 1)), Error);
}

TEST(Table, LowerPrecisionIsSmallerAndClose) {
  const auto hash = std::make_shared<SignHash>(32, HashOptions{48, 3, 1});
  const std::vector<float> history = gaussian(500 * 32, 2);
  const auto signatures = hash->signatures(gaussian(10 * 32, 3));
  std::vector<float> exact(320), found(320);
  const auto table = [&](TablePrecision precision) {
    BehaviourEncoder encoder(hash, 1, precision);
    encoder.rebuild(history);
    return encoder.publish();
  };
  table(TablePrecision::fp32)->interests(signatures, exact);
  EXPECT_EQ(table(TablePrecision::fp32)->bytes(), 16u * 8 * 32 * 4);
  EXPECT_EQ(table(TablePrecision::fp16)->bytes(), 16u * 8 * 32 * 2);
  EXPECT_EQ(table(TablePrecision::int8)->bytes(), 16u * 8 * (32 + 4));
  for (const auto& [precision, error] :
       {std::pair(TablePrecision::fp16, 1e-3), std::pair(TablePrecision::int8, 1e-2)}) {
    table(precision)->interests(signatures, found);
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], exact[i], error);
  }
}

TEST(Table, RefusesWhatDoesntFit) {
  EXPECT_THROW(SignHash(8, {10, 3, 1}), Error);
  EXPECT_THROW(SignHash(8, {34, 17, 1}), Error);
  EXPECT_THROW(SignHash(8, {0, 1, 1}), Error);
  EXPECT_THROW(SignHash(0, {3, 3, 1}), Error);
  const auto hash = std::make_shared<SignHash>(4, HashOptions{6, 3, 1});
  BehaviourEncoder encoder(hash, 1);
  EXPECT_THROW(encoder.append(std::vector<float>{1, 2, 3}), Error);
  EXPECT_THROW(encoder.append(std::vector<float>{1, 2, 3, std::nanf("")}), Error);
  std::vector<float> interest(4);
  EXPECT_THROW(encoder.publish()->interests(std::vector<uint16_t>{0, 8}, interest), Error);
  EXPECT_THROW(encoder.publish()->interests(std::vector<uint16_t>{0}, interest), Error);
}

TEST(Signatures, ZeroIsNotPositive) {
  const SignHash hash(3, {4, 2, 1});
  for (const uint16_t signature : hash.signatures(std::vector<float>{0, 0, 0})) {
    EXPECT_EQ(signature, 0);
  }
}

}  // namespace
}  // namespace betimes::systems::sdim
