#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/temporary_folder.h"
#include "systems/spiking/snn-delays/coincide.h"
#include "systems/spiking/snn-delays/spoken_digits.h"

namespace betimes::systems::snn_delays {
namespace {

TEST(Fourier, IsItsDefinition) {
  Random random(1);
  for (const size_t n : {size_t{1}, size_t{2}, size_t{64}, size_t{256}}) {
    std::vector<std::complex<float>> values(n);
    for (auto& value : values) {
      value = {static_cast<float>(random.normal()), static_cast<float>(random.normal())};
    }
    std::vector<std::complex<double>> right(n);
    for (size_t k = 0; k < n; ++k) {
      for (size_t i = 0; i < n; ++i) {
        const double phase =
            -2 * std::numbers::pi * static_cast<double>(k * i % n) / static_cast<double>(n);
        right[k] += std::complex<double>(values[i]) * std::polar(1.0, phase);
      }
    }
    fourier(values);
    for (size_t k = 0; k < n; ++k) {
      EXPECT_NEAR(std::abs(std::complex<double>(values[k]) - right[k]), 0, 1e-4);
    }
  }
}

std::vector<int16_t> tone(double hz, int64_t samples) {
  std::vector<int16_t> wave;
  for (int64_t i = 0; i < samples; ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / 8000;
    wave.push_back(static_cast<int16_t>(8000 * std::sin(phase)));
  }
  return wave;
}

TEST(Cochlea, ATonesSpikesLieInItsBand) {
  const Cochlea how;
  int64_t before = -1;
  for (const double hz : {300.0, 800.0, 1600.0, 3200.0}) {
    const auto counts = encode(tone(hz, 4000), how);
    std::vector<int64_t> bands(40), bins(70);
    for (size_t i = 0; i < counts.size(); ++i) {
      EXPECT_LE(counts[i], 3);
      bands[i % 40] += counts[i];
      bins[i / 40] += counts[i];
    }
    const auto loudest = std::ranges::max_element(bands) - bands.begin();
    EXPECT_GT(loudest, before);  // higher tones, higher bands
    before = loudest;
    EXPECT_GT(bins[20], 0);
    EXPECT_EQ(bins[60], 0);  // half a second of tone, then nothing
  }
  // The encoder hands out what it takes in: two spikes a bin in the loudest band.
  const auto counts = encode(tone(1000, 5600), how);
  std::vector<int64_t> bands(40);
  for (size_t i = 0; i < counts.size(); ++i) bands[i % 40] += counts[i];
  EXPECT_NEAR(static_cast<double>(std::ranges::max(bands)), 140, 10);
  EXPECT_TRUE(encode({}, how) == std::vector<uint8_t>(2800));
  Cochlea odd;
  odd.window = 200;
  EXPECT_THROW(encode({}, odd), Error);
}

TEST(Coincide, ClassesDifferOnlyInWhenGroupsFire) {
  const Splits splits = make_coincide({}, 400, 20, 30, 7);
  EXPECT_EQ(splits.train.size(), 400);
  EXPECT_EQ(splits.test.size(), 30);
  std::vector<double> spikes(10);
  for (int64_t e = 0; e < 400; ++e) {
    for (const uint8_t count : splits.train.example(e)) {
      spikes[static_cast<size_t>(splits.train.labels[static_cast<size_t>(e)])] += count;
    }
  }
  for (const double count : spikes)
    EXPECT_NEAR(count, 40 * (40 + 12), 3);  // 3: lost at a count of 3
  // Without distractors and jitter every example of a class is the same but for its onset.
  Coincide plain;
  plain.jitter = 0;
  plain.distractors = 0;
  const SpikeTrains exact = make_coincide(plain, 20, 1, 1, 7).train;
  const auto profile = [&](int64_t example) {
    std::vector<int64_t> when(40, -1);
    for (size_t i = 0; i < exact.example(example).size(); ++i) {
      if (exact.example(example)[i] != 0) when[i % 40] = static_cast<int64_t>(i / 40);
    }
    for (int64_t& bin : when) bin -= when[0] * (&bin != when.data());
    when[0] = 0;
    return when;
  };
  EXPECT_EQ(profile(3), profile(13));
  EXPECT_NE(profile(3), profile(4));
  // The same seed gives the same data, another seed doesn't.
  EXPECT_EQ(make_coincide({}, 5, 1, 1, 9).train.counts, make_coincide({}, 5, 1, 1, 9).train.counts);
  EXPECT_NE(make_coincide({}, 5, 1, 1, 9).train.counts, make_coincide({}, 5, 1, 1, 8).train.counts);
  Coincide tight;
  tight.bins = 22;
  EXPECT_THROW(make_coincide(tight, 1, 1, 1, 1), Error);
}

class SpokenDigits : public ::testing::Test {
 protected:
  void write(const std::string& index, const std::vector<int16_t>& samples) const {
    std::ofstream(folder_ + "/index.csv") << index;
    gzFile file = gzopen((folder_ + "/samples.s16le.gz").c_str(), "wb");
    gzwrite(file, samples.data(), static_cast<unsigned>(2 * samples.size()));
    gzclose(file);
  }
  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path().string();
};

TEST_F(SpokenDigits, AreSplitByTakeOrSpeaker) {
  std::string index = "digit,speaker,take,first_sample,samples\n";
  for (const char* speaker : {"anna", "bert", "carl"}) {
    for (int take = 0; take < 10; ++take) {
      index += std::to_string(take) + "," + speaker + "," + std::to_string(take) + ",0,2000\n";
    }
  }
  write(index, tone(500, 2000));
  const Splits official = load_spoken_digits(folder_, DigitSplit::official, 0, {});
  EXPECT_EQ(official.test.size(), 15);
  EXPECT_EQ(official.validation.size(), 9);
  EXPECT_EQ(official.train.labels, (std::vector<int64_t>{8, 9, 8, 9, 8, 9}));
  const Splits apart = load_spoken_digits(folder_, DigitSplit::speaker, 1, {});
  EXPECT_EQ(apart.test.size(), 10);
  EXPECT_EQ(apart.validation.size(), 10);
  EXPECT_EQ(apart.train.size(), 10);
  EXPECT_TRUE(std::ranges::equal(apart.train.example(0), encode(tone(500, 2000), {})));
}

TEST_F(SpokenDigits, RefuseFilesThatAreWrong) {
  const auto refused = [&](const std::string& index) {
    write(index, tone(500, 100));
    EXPECT_THROW(load_spoken_digits(folder_, DigitSplit::official, 0, {}), Error) << index;
  };
  refused("");
  refused("digit,speaker,take,first_sample,samples\n");
  refused("1,anna,0,0,101\n");
  refused("1,anna,0,9223372036854775807,1\n");
  refused("1,anna,0,50,9223372036854775807\n");
  refused("12,anna,0,0,10\n");
  refused("1,anna,0,-5,10\n");
  refused("1,anna,x,0,10\n");
  refused("1,anna,0\n");
  write("1,anna,0,0,100\n", tone(500, 100));
  EXPECT_EQ(load_spoken_digits(folder_, DigitSplit::official, 0, {}).test.size(), 1);
  EXPECT_THROW(load_spoken_digits(folder_, DigitSplit::speaker, 0, {}), Error);
  EXPECT_THROW(load_spoken_digits("/nowhere", DigitSplit::official, 0, {}), Error);
}

}  // namespace
}  // namespace betimes::systems::snn_delays
