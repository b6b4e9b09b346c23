#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "betimes/base/random.h"
#include "betimes/runtime/kernels/vector/spiking.h"

// Spiking layers of every level against plain loops in double. Weights are whole numbers, so that
// every sum is exact and spikes must be equal, not nearly so.

namespace betimes::runtime {
namespace {

std::vector<float> whole_numbers(int64_t count, Random& random, int64_t size = 8) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    value = static_cast<float>(
        static_cast<int64_t>(random.below(static_cast<uint64_t>(2 * size + 1))) - size);
  }
  return values;
}

/// A layer with its weights; what lies in the padding is zero.
struct Layer {
  SpikeConvolution shape;
  std::vector<float> weights, bias;

  double weight(int64_t tap, int64_t in, int64_t out) const {
    return weights[static_cast<size_t>((tap * shape.in_channels + in) * shape.padded() + out)];
  }
};

Layer random_layer(Random& random) {
  const auto from = [&](uint64_t low, uint64_t high) {
    return static_cast<int64_t>(low + random.below(high - low + 1));
  };
  Layer layer;
  SpikeConvolution& s = layer.shape;
  s.in_channels = from(1, 150);
  s.out_channels = from(1, 150);
  s.kernel_height = from(1, 4);
  s.kernel_width = from(1, 4);
  s.stride = from(1, 2);
  s.pad = from(0, 2);
  s.in_height = from(4, 9);
  s.in_width = from(4, 9);
  s.out_height = (s.in_height + 2 * s.pad - s.kernel_height) / s.stride + 1;
  s.out_width = (s.in_width + 2 * s.pad - s.kernel_width) / s.stride + 1;
  const int64_t rows = s.kernel_height * s.kernel_width * s.in_channels;
  layer.weights = whole_numbers(rows * s.padded(), random);
  layer.bias = whole_numbers(s.padded(), random);
  for (int64_t row = 0; row <= rows; ++row) {
    float* values = row < rows ? layer.weights.data() + row * s.padded() : layer.bias.data();
    std::fill(values + s.out_channels, values + s.padded(), 0.0f);
  }
  s.weights = layer.weights.data();
  s.bias = layer.bias.data();
  return layer;
}

/// f(y of the input, x of it, tap) for output (y, x).
template <class F>
void window(const SpikeConvolution& s, int64_t y, int64_t x, const F& f) {
  for (int64_t i = 0; i < s.kernel_height; ++i) {
    for (int64_t j = 0; j < s.kernel_width; ++j) {
      const int64_t in_y = y * s.stride + i - s.pad, in_x = x * s.stride + j - s.pad;
      if (in_y < 0 || in_y >= s.in_height || in_x < 0 || in_x >= s.in_width) continue;
      f(in_y, in_x, i * s.kernel_width + j);
    }
  }
}

/// [out_pixels, out_channels] from input [in_pixels, in_channels].
std::vector<double> naive_currents(const Layer& layer, const std::vector<float>& input) {
  const SpikeConvolution& s = layer.shape;
  std::vector<double> currents;
  for (int64_t pixel = 0; pixel < s.out_pixels(); ++pixel) {
    for (int64_t o = 0; o < s.out_channels; ++o) {
      double sum = layer.bias[static_cast<size_t>(o)];
      window(s, pixel / s.out_width, pixel % s.out_width, [&](int64_t y, int64_t x, int64_t tap) {
        for (int64_t c = 0; c < s.in_channels; ++c) {
          const auto at = static_cast<size_t>((y * s.in_width + x) * s.in_channels + c);
          sum += layer.weight(tap, c, o) * input[at];
        }
      });
      currents.push_back(sum);
    }
  }
  return currents;
}

std::vector<uint64_t> pack(const std::vector<float>& map, int64_t channels) {
  const int64_t words = (channels + 63) / 64, pixels = static_cast<int64_t>(map.size()) / channels;
  std::vector<uint64_t> packed(static_cast<size_t>(words * pixels));
  for (int64_t i = 0; i < pixels * channels; ++i) {
    const int64_t c = i % channels;
    if (map[static_cast<size_t>(i)] != 0) {
      packed[static_cast<size_t>(i / channels * words + c / 64)] |= uint64_t{1} << (c % 64);
    }
  }
  return packed;
}

std::vector<float> random_spikes(int64_t count, double rate, Random& random) {
  std::vector<float> spikes(static_cast<size_t>(count));
  for (float& spike : spikes) spike = random.uniform() < rate ? 1.0f : 0.0f;
  return spikes;
}

/// Membranes that follow the definition in double.
struct NaiveNeurons {
  FiringRule rule;
  std::vector<double> u;

  std::vector<float> step(const std::vector<double>& current) {
    u.resize(current.size());
    std::vector<float> spikes;
    for (size_t i = 0; i < current.size(); ++i) {
      u[i] = double{rule.leak} * u[i] + current[i];
      const bool fires = u[i] > double{rule.threshold};
      if (fires) u[i] = rule.to_zero ? 0 : u[i] - double{rule.drop};
      spikes.push_back(fires ? 1.0f : 0.0f);
    }
    return spikes;
  }
};

/// The channels of [pixels, padded] that exist.
std::vector<double> without_padding(const std::vector<float>& values, const SpikeConvolution& s) {
  std::vector<double> kept;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto padded = static_cast<size_t>(s.padded());
    if (static_cast<int64_t>(i % padded) < s.out_channels) kept.push_back(double{values[i]});
  }
  return kept;
}

TEST(SpikingLoops, CurrentsOfEveryLevelAreTheSumsOfTheDefinition) {
  Random random(1);
  for (int round = 0; round < 40; ++round) {
    const Layer layer = random_layer(random);
    const SpikeConvolution& s = layer.shape;
    const double rate = round % 4 == 0 ? 0.9 : 0.15;
    const auto spikes = random_spikes(s.in_pixels() * s.in_channels, rate, random);
    const auto packed = pack(spikes, s.in_channels);
    const auto input = whole_numbers(s.in_pixels() * s.in_channels, random);
    const auto expected = naive_currents(layer, spikes);
    for (const SpikingLoops* loops : all_spiking_loops()) {
      SCOPED_TRACE(loops->level);
      std::vector<float> found(static_cast<size_t>(s.out_pixels() * s.padded()));
      loops->currents(s, packed.data(), found.data());
      EXPECT_EQ(without_padding(found, s), expected);
      loops->analog(s, input.data(), found.data());
      EXPECT_EQ(without_padding(found, s), naive_currents(layer, input));
      for (int64_t i = 0; i < s.out_pixels(); ++i) {
        std::copy(layer.bias.begin(), layer.bias.end(), found.begin() + i * s.padded());
      }
      loops->scatter(s, packed.data(), found.data());
      EXPECT_EQ(without_padding(found, s), expected);
    }
  }
}

TEST(SpikingLoops, StepsOfEveryLevelGiveExactlyTheSpikesOfTheDefinition) {
  Random random(2);
  const std::vector<FiringRule> rules = {
      {1, 3, 3, false}, {0.5f, 10, 10, false}, {0.25f, 2, 0, true}, {1, 0, 1, true}};
  for (int round = 0; round < 24; ++round) {
    const Layer layer = random_layer(random);
    const SpikeConvolution& s = layer.shape;
    for (const SpikingLoops* loops : all_spiking_loops()) {
      SCOPED_TRACE(loops->level);
      NaiveNeurons naive{rules[static_cast<size_t>(round) % rules.size()], {}};
      std::vector<float> fused(static_cast<size_t>(s.out_pixels() * s.padded()));
      std::vector<float> apart = fused, currents = fused;
      std::vector<uint64_t> found(static_cast<size_t>(s.out_pixels() * s.out_words()),
                                  ~uint64_t{0});
      for (int t = 0; t < 4; ++t) {
        const auto spikes = random_spikes(s.in_pixels() * s.in_channels, 0.2, random);
        const auto packed = pack(spikes, s.in_channels);
        const auto expected = pack(naive.step(naive_currents(layer, spikes)), s.out_channels);
        loops->step(s, naive.rule, packed.data(), fused.data(), found.data());
        EXPECT_EQ(found, expected);
        EXPECT_EQ(without_padding(fused, s), naive.u);
        loops->currents(s, packed.data(), currents.data());
        loops->fire(naive.rule, currents.data(), apart.data(), found.data(), s.out_pixels(),
                    s.padded(), s.out_words());
        EXPECT_EQ(found, expected);
        EXPECT_EQ(apart, fused);
        if (t > 0) continue;  // only the first step starts from rest
        loops->step(s, naive.rule, packed.data(), nullptr, found.data());
        EXPECT_EQ(found, expected);
      }
    }
  }
}

/// Synapses in both layouts; delays of a source come in any order here.
struct Delays {
  int64_t sources, targets, slots, padded;
  std::vector<int64_t> delay;  // [sources, targets]; -1: no synapse
  std::vector<float> weight;
};

Delays random_delays(Random& random) {
  Delays d;
  d.sources = 1 + static_cast<int64_t>(random.below(40));
  d.targets = 1 + static_cast<int64_t>(random.below(70));
  d.slots = 1 + static_cast<int64_t>(random.below(32));
  d.padded = (d.targets + 15) / 16 * 16;
  d.weight = whole_numbers(d.sources * d.targets, random);
  for (int64_t i = 0; i < d.sources * d.targets; ++i) {
    const auto delay = static_cast<int64_t>(random.below(static_cast<uint64_t>(d.slots)));
    d.delay.push_back(random.uniform() < 0.2 ? -1 : delay);
  }
  return d;
}

/// Row t: what reaches each target at t, from counts [steps, sources].
std::vector<std::vector<double>> naive_arrivals(const Delays& d,
                                                const std::vector<std::vector<int>>& counts) {
  std::vector<std::vector<double>> rows;
  for (int64_t t = 0; t < static_cast<int64_t>(counts.size()); ++t) {
    rows.emplace_back(static_cast<size_t>(d.targets));
    for (int64_t k = 0; k < d.sources * d.targets; ++k) {
      const auto at = static_cast<size_t>(k);
      if (d.delay[at] < 0 || t < d.delay[at]) continue;
      const auto source = static_cast<size_t>(k / d.targets);
      rows.back()[static_cast<size_t>(k % d.targets)] +=
          d.weight[at] * counts[static_cast<size_t>(t - d.delay[at])][source];
    }
  }
  return rows;
}

TEST(SpikingLoops, DelayedSpikesArriveWhenTheyShould) {
  Random random(3);
  for (int round = 0; round < 30; ++round) {
    const Delays d = random_delays(random);
    std::vector<int64_t> begin = {0};
    std::vector<int32_t> offset;
    std::vector<float> weight, dense(static_cast<size_t>(d.sources * d.padded));
    std::vector<uint32_t> bit(dense.size());
    for (int64_t j = 0; j < d.sources; ++j) {
      for (int64_t slot = 0; slot < d.slots; ++slot) {
        for (int64_t i = 0; i < d.targets; ++i) {
          const auto at = static_cast<size_t>(j * d.targets + i);
          if (d.delay[at] != slot) continue;
          offset.push_back(static_cast<int32_t>(slot * d.padded + i));
          weight.push_back(d.weight[at]);
          dense[static_cast<size_t>(j * d.padded + i)] = d.weight[at];
          bit[static_cast<size_t>(j * d.padded + i)] = 1u << slot;
        }
      }
      begin.push_back(static_cast<int64_t>(offset.size()));
    }
    const DelayedSynapses sent{d.slots, d.padded, begin.data(), offset.data(), weight.data()};
    const RecalledSynapses recalled{d.sources, d.padded, bit.data(), dense.data()};
    std::vector<std::vector<int>> counts(50, std::vector<int>(static_cast<size_t>(d.sources)));
    for (auto& row : counts) {
      for (int& count : row) count = random.uniform() < 0.3 ? 1 : 0;
    }
    const auto expected = naive_arrivals(d, counts);
    for (const SpikingLoops* loops : all_spiking_loops()) {
      SCOPED_TRACE(loops->level);
      std::vector<float> ring(static_cast<size_t>(d.slots * d.padded));
      std::vector<uint32_t> history(static_cast<size_t>(d.sources));
      for (size_t t = 0; t < counts.size(); ++t) {
        const int64_t now = static_cast<int64_t>(t) % d.slots;
        for (int64_t j = 0; j < d.sources; ++j) {
          const int count = counts[t][static_cast<size_t>(j)];
          uint32_t& past = history[static_cast<size_t>(j)];
          past = past << 1 | static_cast<uint32_t>(count);
          if (count != 0) loops->deliver(sent, j, 3.0f, now, ring.data());
        }
        std::vector<float> heard(static_cast<size_t>(d.padded));
        loops->recall(recalled, history.data(), 3.0f, heard.data());
        for (int64_t i = 0; i < d.targets; ++i) {
          float& arrived = ring[static_cast<size_t>(now * d.padded + i)];
          const double right = 3 * expected[t][static_cast<size_t>(i)];
          EXPECT_EQ(double{arrived}, right);
          EXPECT_EQ(double{heard[static_cast<size_t>(i)]}, right);
          arrived = 0;
        }
      }
    }
  }
}

}  // namespace
}  // namespace betimes::runtime
