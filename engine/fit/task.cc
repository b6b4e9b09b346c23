#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "betimes/base/error.h"
#include "betimes/fit/fit.h"

namespace betimes::fit {
namespace {

judge::Examples gather(const judge::Examples& all, std::span<const int64_t> rows) {
  judge::Examples part;
  Shape shape = all.inputs.shape();
  const size_t bytes = all.inputs.bytes() / static_cast<size_t>(shape[0]);
  shape[0] = static_cast<int64_t>(rows.size());
  part.inputs = Tensor(all.inputs.dtype(), shape);
  std::byte* out = part.inputs.mutable_raw();
  for (const int64_t row : rows) {
    std::memcpy(out, all.inputs.raw() + static_cast<size_t>(row) * bytes, bytes);
    out += bytes;
    if (!all.labels.empty()) part.labels.push_back(all.labels[static_cast<size_t>(row)]);
  }
  return part;
}

/// A sum of a few random plane waves over the last two axes plus a little noise: smooth like
/// pictures and spectra are, unlike white noise, whose activations no real input causes.
void fill_smooth(std::span<float> field, int64_t height, int64_t width, std::mt19937_64& random) {
  std::normal_distribution<float> normal(0.0f, 1.0f);
  struct Wave {
    float x, y, phase, height;
  };
  Wave waves[4];
  for (Wave& wave : waves)
    wave = {normal(random), normal(random), 3 * normal(random), normal(random)};
  for (size_t i = 0; i < field.size(); ++i) {
    const auto at = static_cast<int64_t>(i) % (height * width);
    const int64_t row = at / width;
    const float y = 6.0f * static_cast<float>(row) / static_cast<float>(height);
    const float x = 6.0f * static_cast<float>(at % width) / static_cast<float>(width);
    float value = 0.1f * normal(random);
    for (const Wave& wave : waves) {
      value += wave.height * std::sin(wave.x * x + wave.y * y + wave.phase);
    }
    field[i] = std::clamp(0.5f + 0.2f * value, 0.0f, 1.0f);
  }
}

}  // namespace

judge::Task split(const judge::Examples& all, const std::string& name, uint64_t seed) {
  if (all.size() < 10) {
    throw Error("data " + name, "has " + std::to_string(all.size()) + " examples",
                "10 at least, to calibrate with, to choose with and to test with");
  }
  std::vector<int64_t> order(static_cast<size_t>(all.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::mt19937_64 random(seed);
  std::shuffle(order.begin(), order.end(), random);
  const auto calibration = static_cast<size_t>(std::min<int64_t>(all.size() / 5, 512));
  const auto validation = static_cast<size_t>(std::min<int64_t>(3 * all.size() / 10, 2000));
  const std::span<const int64_t> rows(order);
  judge::Task task;
  task.calibration = gather(all, rows.first(calibration));
  task.validation = gather(all, rows.subspan(calibration, validation));
  task.test = gather(all, rows.subspan(calibration + validation));
  task.name = name + ": " + std::to_string(calibration) + " to calibrate, " +
              std::to_string(validation) + " to choose, " + std::to_string(task.test.size()) +
              " to test";
  return task;
}

judge::Task synthetic_task(const TensorType& input, int64_t examples, uint64_t seed) {
  if (input.dtype != DType::f32) {
    throw Error("model input", "is " + to_string(input),
                "float32, to make synthetic inputs for it");
  }
  Shape shape = input.shape;
  if (shape.empty()) throw Error("model input", "is a scalar", "a batch of examples");
  shape[0] = examples;
  judge::Examples all;
  all.inputs = Tensor(DType::f32, shape);
  std::mt19937_64 random(seed);
  const auto data = all.inputs.mutable_data<float>();
  const size_t each = data.size() / static_cast<size_t>(std::max<int64_t>(examples, 1));
  const int64_t width = shape.back();
  const int64_t height = shape.size() >= 2 ? shape[shape.size() - 2] : 1;
  for (size_t i = 0; i < data.size(); i += each) {
    fill_smooth(data.subspan(i, each), shape.size() >= 3 ? height : 1,
                shape.size() >= 3 ? width : static_cast<int64_t>(each), random);
  }
  return split(all, "synthetic inputs", seed);
}

}  // namespace betimes::fit
