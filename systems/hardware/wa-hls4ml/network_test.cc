#include "systems/hardware/wa-hls4ml/network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "betimes/base/error.h"
#include "systems/hardware/wa-hls4ml/reuse.h"

namespace betimes::systems::wa_hls4ml {
namespace {

/// The rule as it is written down, in floating point.
bool allowed(int64_t n_in, int64_t n_out, int64_t rf) {
  const double product = static_cast<double>(n_in * n_out);
  const double multipliers = std::ceil(product / static_cast<double>(std::min(n_in, rf)));
  const bool first = std::fmod(multipliers, static_cast<double>(n_out)) == 0 || rf >= n_in;
  const bool second = rf % n_in == 0 || rf < n_in;
  return first && second && std::fmod(product, static_cast<double>(rf)) == 0;
}

TEST(WaReuse, IsValidWhereTheRuleSaysSo) {
  for (const auto& [n_in, n_out] :
       {std::pair(1, 1), std::pair(7, 1), std::pair(16, 5), std::pair(24, 48), std::pair(88, 16),
        std::pair(32, 96), std::pair(13, 13)}) {
    std::vector<int64_t> expected;
    for (int64_t rf = 1; rf <= n_in * n_out; ++rf) {
      if (allowed(n_in, n_out, rf)) expected.push_back(rf);
    }
    EXPECT_EQ(valid_reuses(n_in, n_out), expected) << n_in << " x " << n_out;
    for (const int64_t requested : {1, 2, 3, 17, 50, 333, 1000, 1'000'000}) {
      int64_t closest = expected.front();
      for (const int64_t rf : expected) {
        if (std::abs(rf - requested) < std::abs(closest - requested)) closest = rf;
      }
      EXPECT_EQ(closest_reuse(n_in, n_out, requested), closest);
    }
  }
}

TEST(WaReuse, TheSmallerOfTwoIsTaken) {
  // 4 x 4: 1, 2, 4, 8, 16.
  EXPECT_EQ(closest_reuse(4, 4, 6), 4);
  EXPECT_EQ(closest_reuse(4, 4, 12), 8);
  EXPECT_EQ(closest_reuse(4, 4, 99), 16);
}

TEST(WaReuse, NonsenseIsRefused) {
  EXPECT_THROW(valid_reuses(0, 4), Error);
  EXPECT_THROW(valid_reuses(4, 1'000'000'000), Error);
  EXPECT_THROW(closest_reuse(4, 4, 0), Error);
  EXPECT_FALSE(valid_reuse(4, 4, -4));
}

std::vector<double> row(double type = 1, double precision = 8) {
  return {16, -1, -1, 64, -1, -1, precision, 32, 1, type, 2, -1, -1, -1, -1, -1, -1, 0};
}

std::string refusal(const std::vector<double>& numbers) {
  try {
    parse_rows(numbers, "here");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(WaNetwork, IsReadFromTheBenchmarksRows) {
  std::vector<double> numbers = row();
  const std::vector<double> last = {-1, -1, -1, -1, -1, -1, 8,  -1, 1,
                                    0,  5,  -1, -1, -1, -1, -1, -1, 0};
  numbers.insert(numbers.end(), last.begin(), last.end());
  numbers.resize(raw_width * most_layers, -1);
  const Network network = parse_rows(numbers, "here");
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(network.strategy, Strategy::resource);
  EXPECT_EQ(network.layers[0].in[0], 16);
  EXPECT_EQ(network.layers[0].out[0], 64);
  EXPECT_EQ(network.layers[0].reuse, 32);
  EXPECT_EQ(network.layers[0].activation, Activation::relu);
  EXPECT_EQ(network.layers[1].type, LayerType::activation);
  EXPECT_EQ(network.layers[1].activation, Activation::softmax);
}

TEST(WaNetwork, BadRowsAreRefused) {
  const auto with = [](size_t column, double value) {
    std::vector<double> numbers = row();
    numbers[column] = value;
    return refusal(numbers);
  };
  EXPECT_EQ(refusal(row()), "accepted");
  EXPECT_NE(refusal(row(12)).find("layer type 12"), std::string::npos);
  EXPECT_NE(refusal(row(-1)).find("layer type -1"), std::string::npos);
  EXPECT_NE(refusal(row(1, 33)).find("precision is 33"), std::string::npos);
  EXPECT_NE(refusal(row(1, 0)).find("1 to 32 bits"), std::string::npos);
  EXPECT_NE(with(0, -2).find("input size is -2"), std::string::npos);
  EXPECT_NE(with(0, 0).find("input size is 0"), std::string::npos);
  EXPECT_NE(with(3, 0.5).find("whole number"), std::string::npos);
  EXPECT_NE(with(3, NAN).find("whole number"), std::string::npos);
  EXPECT_NE(with(3, 1e300).find("whole number"), std::string::npos);
  EXPECT_NE(with(7, -8).find("reuse factor is -8"), std::string::npos);
  EXPECT_NE(with(8, 2).find("strategy 2"), std::string::npos);
  EXPECT_NE(with(10, 6).find("activation 6"), std::string::npos);
  EXPECT_NE(with(17, -1).find("io type -1"), std::string::npos);
  EXPECT_NE(refusal({1, 2}).find("18 for each"), std::string::npos);
  EXPECT_NE(refusal(std::vector<double>(18, -1)).find("has 0 layers"), std::string::npos);

  std::vector<double> many;
  for (size_t i = 0; i < most_layers + 1; ++i) {
    const std::vector<double> one = row();
    many.insert(many.end(), one.begin(), one.end());
  }
  EXPECT_NE(refusal(many).find("has 52 layers"), std::string::npos);
  std::vector<double> gap(18, -1);
  const std::vector<double> one = row();
  gap.insert(gap.end(), one.begin(), one.end());
  EXPECT_NE(refusal(gap).find("after padding"), std::string::npos);
  std::vector<double> mixed = row();
  mixed.insert(mixed.end(), one.begin(), one.end());
  mixed[18 + 8] = 0;
  EXPECT_NE(refusal(mixed).find("another strategy"), std::string::npos);
}

TEST(WaNetwork, ChainsHaveValidReuseFactors) {
  const Network network = dense_chain(std::vector<int64_t>{24, 48, 24, 32}, 8, 4093);
  ASSERT_EQ(network.layers.size(), 3u);
  EXPECT_EQ(network.layers[0].reuse, 1152);
  EXPECT_EQ(network.layers[2].reuse, 768);
  EXPECT_EQ(sizes_text(network), "24-48-24-32");
  EXPECT_EQ(duplicate_key(network), "24-48-24-32 8 8 8");
  EXPECT_EQ(duplicate_key(network),
            duplicate_key(dense_chain(std::vector<int64_t>{24, 48, 24, 32}, 8, 16)));
  EXPECT_THROW(dense_chain(std::vector<int64_t>{24}, 8, 16), Error);
  EXPECT_THROW(dense_chain(std::vector<int64_t>{24, -3}, 8, 16), Error);
  EXPECT_THROW(dense_chain(std::vector<int64_t>{24, 3}, 64, 16), Error);
}

}  // namespace
}  // namespace betimes::systems::wa_hls4ml
