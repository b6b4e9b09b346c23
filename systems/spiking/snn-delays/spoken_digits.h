#pragma once

#include <complex>
#include <span>
#include <string>
#include <vector>

#include "systems/spiking/snn-delays/spike_trains.h"

namespace betimes::systems::snn_delays {

/// Discrete Fourier transform in place, by radix 2 (Cooley and Tukey, 1965); the length is a power
/// of two.
void fourier(std::span<std::complex<float>> values);

/// How speech becomes spikes.
struct Cochlea {
  int64_t rate = 8000;             // samples a second
  int64_t window = 256, hop = 80;  // samples
  int64_t bands = 40;
  double low_hz = 50, high_hz = 4000;
  int64_t bins = 70;          // longer recordings are cut, shorter ones end in silence
  double range = 7;           // natural logarithm of power between silence and the loudest
  double spikes_per_bin = 2;  // of the loudest
};

/// Spikes of one recording, [bins, bands]: log mel bands, relative to the recording's loudest band
/// (which makes the whole recording be known: not a streaming front end), drive one
/// integrate-and-fire encoder a band, 0 to 3 spikes a bin.
std::vector<uint8_t> encode(std::span<const int16_t> samples, const Cochlea& how);

/// Who is tested: takes 0 to 4 of all speakers (takes 5 to 7 validate), or all of one speaker (and
/// another one validates).
enum class DigitSplit { official, speaker };

/// The spoken digits in `folder` (index.csv, samples.s16le.gz) as spikes. `held_out` turns through
/// the speakers for DigitSplit::speaker. Throws Error naming the file that is missing or malformed.
Splits load_spoken_digits(const std::string& folder, DigitSplit split, uint64_t held_out,
                          const Cochlea& how);

}  // namespace betimes::systems::snn_delays
