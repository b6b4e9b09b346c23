#include "systems/spiking/snn-delays/spoken_digits.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <numbers>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/csv.h"

namespace betimes::systems::snn_delays {
namespace {

constexpr size_t most_samples = size_t{1} << 26;  // two hours
constexpr double most_spikes = 3;

struct Recording {
  int64_t digit = 0, take = 0, first = 0, samples = 0;
  std::string speaker;
};

int64_t number(const std::string& text, const std::string& where) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    throw Error(where, "'" + text + "' isn't a number");
  }
  return value;
}

std::vector<Recording> read_index(const std::string& path, size_t samples) {
  const auto bytes = read_file(path, size_t{1} << 24);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<Recording> recordings;
  for (const import::CsvRow& row : import::parse_csv(text, path)) {
    const std::string where = path + ": line " + std::to_string(row.line);
    if (row.fields.size() != 5) throw Error(where, "doesn't have five fields");
    if (row.fields[0] == "digit") continue;
    const Recording each{number(row.fields[0], where), number(row.fields[2], where),
                         number(row.fields[3], where), number(row.fields[4], where), row.fields[1]};
    const auto all = static_cast<int64_t>(samples);
    if (each.digit > 9 || each.samples < 1 || each.first > all || each.samples > all - each.first) {
      throw Error(where, "has no such digit, or samples that the file doesn't have");
    }
    recordings.push_back(each);
  }
  if (recordings.empty()) throw Error(path, "lists no recordings");
  return recordings;
}

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

std::vector<int16_t> read_samples(const std::string& path) {
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (!file) throw Error(path, "can't be opened");
  std::vector<uint8_t> bytes, chunk(1 << 16);
  while (true) {
    const int got = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
    if (got < 0) throw Error(path, "isn't a sound gzip file");
    if (got == 0) break;
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
    if (bytes.size() > 2 * most_samples) throw Error(path, "is longer than two hours");
  }
  std::vector<int16_t> samples(bytes.size() / 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<int16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
  }
  return samples;
}

double mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
double hertz(double mels) { return 700 * (std::pow(10, mels / 2595) - 1); }

/// Triangular filters, [bands, window / 2 + 1].
std::vector<double> mel_filters(const Cochlea& how) {
  const int64_t lines = how.window / 2 + 1;
  std::vector<double> filters(static_cast<size_t>(how.bands * lines));
  const double low = mel(how.low_hz),
               step = (mel(how.high_hz) - low) / static_cast<double>(how.bands + 1);
  for (int64_t band = 0; band < how.bands; ++band) {
    const double at = low + step * static_cast<double>(band);
    const double left = hertz(at), top = hertz(at + step), right = hertz(at + 2 * step);
    double sum = 0;
    for (int64_t line = 0; line < lines; ++line) {
      const double hz = static_cast<double>(line * how.rate) / static_cast<double>(how.window);
      // At low frequencies a band is narrower than a line: each line is taken as wide as it is.
      const double width = static_cast<double>(how.rate) / static_cast<double>(how.window);
      const double rise = (hz - left) / std::max(top - left, width);
      const double fall = (right - hz) / std::max(right - top, width);
      const double weight = std::max(0.0, std::min({rise, fall, 1.0}));
      filters[static_cast<size_t>(band * lines + line)] = weight;
      sum += weight;
    }
    if (sum > 0) continue;
    const auto nearest =
        std::llround(top / static_cast<double>(how.rate) * static_cast<double>(how.window));
    filters[static_cast<size_t>(band * lines + std::min<int64_t>(nearest, lines - 1))] = 1;
  }
  return filters;
}

/// Logarithms of the bands' power, [bins, bands].
std::vector<double> log_bands(std::span<const int16_t> samples, const Cochlea& how,
                              const std::vector<double>& filters) {
  const int64_t lines = how.window / 2 + 1, count = static_cast<int64_t>(samples.size());
  const int64_t frames = std::min(how.bins, (count + how.hop - 1) / how.hop);
  std::vector<double> bands;
  std::vector<std::complex<float>> window(static_cast<size_t>(how.window));
  for (int64_t frame = 0; frame < frames; ++frame) {
    for (int64_t i = 0; i < how.window; ++i) {
      const int64_t at = frame * how.hop + i;
      const double phase =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(how.window);
      const double value = at < count ? samples[static_cast<size_t>(at)] / 32768.0 : 0.0;
      window[static_cast<size_t>(i)] = static_cast<float>(value * (0.5 - 0.5 * std::cos(phase)));
    }
    fourier(window);
    for (int64_t band = 0; band < how.bands; ++band) {
      double power = 1e-9;
      for (int64_t line = 0; line < lines; ++line) {
        power += filters[static_cast<size_t>(band * lines + line)] *
                 double{std::norm(window[static_cast<size_t>(line)])};
      }
      bands.push_back(std::log(power));
    }
  }
  return bands;
}

std::vector<uint8_t> spikes_of(const std::vector<double>& bands, const Cochlea& how) {
  std::vector<uint8_t> counts(static_cast<size_t>(how.bins * how.bands));
  if (bands.empty()) return counts;
  const double loudest = *std::ranges::max_element(bands);
  std::vector<double> charge(static_cast<size_t>(how.bands));
  for (size_t i = 0; i < bands.size(); ++i) {
    const double share = std::clamp((bands[i] - loudest) / how.range + 1, 0.0, 1.0);
    double& stored = charge[i % charge.size()];
    stored += how.spikes_per_bin * share;
    const double fired = std::min(std::floor(stored), most_spikes);
    stored -= fired;
    counts[i] = static_cast<uint8_t>(fired);
  }
  return counts;
}

void check(const Cochlea& how) {
  if (how.window < 2 || (how.window & (how.window - 1)) != 0 || how.hop < 1 || how.bands < 1 ||
      how.bins < 1 || how.rate < 1 || !(how.low_hz >= 0 && how.low_hz < how.high_hz) ||
      !(how.range > 0) || !(how.spikes_per_bin > 0)) {
    throw Error("cochlea", "makes no sense", "a window of a power of two, bands and bins");
  }
}

std::vector<uint8_t> encode_with(std::span<const int16_t> samples, const Cochlea& how,
                                 const std::vector<double>& filters) {
  return spikes_of(log_bands(samples, how, filters), how);
}

}  // namespace

void fourier(std::span<std::complex<float>> values) {
  const size_t n = values.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(values[i], values[j]);
  }
  for (size_t length = 2; length <= n; length *= 2) {
    for (size_t k = 0; k < length / 2; ++k) {
      const double phase =
          -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(length);
      const std::complex<float> turn(static_cast<float>(std::cos(phase)),
                                     static_cast<float>(std::sin(phase)));
      for (size_t begin = k; begin < n; begin += length) {
        const auto odd = values[begin + length / 2] * turn;
        values[begin + length / 2] = values[begin] - odd;
        values[begin] += odd;
      }
    }
  }
}

std::vector<uint8_t> encode(std::span<const int16_t> samples, const Cochlea& how) {
  check(how);
  return encode_with(samples, how, mel_filters(how));
}

Splits load_spoken_digits(const std::string& folder, DigitSplit split, uint64_t held_out,
                          const Cochlea& how) {
  check(how);
  const std::vector<int16_t> samples = read_samples(folder + "/samples.s16le.gz");
  const auto recordings = read_index(folder + "/index.csv", samples.size());
  std::set<std::string> names;
  for (const Recording& each : recordings) names.insert(each.speaker);
  const std::vector<std::string> speakers(names.begin(), names.end());
  if (split == DigitSplit::speaker && speakers.size() < 3) {
    throw Error(folder, "has fewer than three speakers");
  }
  const std::string& tested = speakers[held_out % speakers.size()];
  const std::string& validating = speakers[(held_out + 1) % speakers.size()];
  const std::vector<double> filters = mel_filters(how);
  Splits splits;
  for (SpikeTrains* part : {&splits.train, &splits.validation, &splits.test}) {
    *part = {how.bands, how.bins,
             10,        1e3 * static_cast<double>(how.hop) / static_cast<double>(how.rate),
             {},        {}};
  }
  for (const Recording& each : recordings) {
    const bool official = split == DigitSplit::official;
    const bool test = official ? each.take < 5 : each.speaker == tested;
    const bool validate = official ? each.take < 8 : each.speaker == validating;
    SpikeTrains& part = test ? splits.test : validate ? splits.validation : splits.train;
    const auto spoken = std::span(samples).subspan(static_cast<size_t>(each.first),
                                                   static_cast<size_t>(each.samples));
    const auto counts = encode_with(spoken, how, filters);
    part.counts.insert(part.counts.end(), counts.begin(), counts.end());
    part.labels.push_back(each.digit);
  }
  return splits;
}

}  // namespace betimes::systems::snn_delays
