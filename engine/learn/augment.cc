#include "betimes/learn/augment.h"

#include <algorithm>

namespace betimes::learn {
namespace {

constexpr float pixel_scale = 1.0f / 255.0f;

int64_t uniform(std::mt19937_64& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

bool chance(std::mt19937_64& random, double probability) {
  return std::uniform_real_distribution<double>()(random) < probability;
}

struct Extent {
  int64_t channels, height, width;
  int64_t size() const { return channels * height * width; }
};

void place(const uint8_t* from, float* to, Extent e, int64_t dy, int64_t dx, bool mirror) {
  std::fill_n(to, e.size(), 0.0f);
  for (int64_t c = 0; c < e.channels; ++c) {
    for (int64_t y = std::max<int64_t>(0, -dy); y < std::min(e.height, e.height - dy); ++y) {
      const uint8_t* from_row = from + (c * e.height + y + dy) * e.width;
      float* to_row = to + (c * e.height + y) * e.width;
      for (int64_t x = std::max<int64_t>(0, -dx); x < std::min(e.width, e.width - dx); ++x) {
        const int64_t source = mirror ? e.width - 1 - (x + dx) : x + dx;
        to_row[x] = pixel_scale * static_cast<float>(from_row[source]);
      }
    }
  }
}

void erase_patch(float* image, Extent e, const Augmentation& how, std::mt19937_64& random) {
  const int64_t height = std::min(e.height, uniform(random, how.erase_least, how.erase_most));
  const int64_t width = std::min(e.width, uniform(random, how.erase_least, how.erase_most));
  const int64_t top = uniform(random, 0, e.height - height);
  const int64_t left = uniform(random, 0, e.width - width);
  std::uniform_real_distribution<float> noise;
  for (int64_t c = 0; c < e.channels; ++c) {
    for (int64_t y = top; y < top + height; ++y) {
      float* row = image + (c * e.height + y) * e.width;
      for (int64_t x = left; x < left + width; ++x) row[x] = noise(random);
    }
  }
}

}  // namespace

at::Tensor augmented_batch(const at::Tensor& images, const at::Tensor& chosen,
                           const Augmentation& how, std::mt19937_64& random) {
  const Extent e{images.size(1), images.size(2), images.size(3)};
  const int64_t count = chosen.size(0);
  at::Tensor batch = at::empty({count, e.channels, e.height, e.width}, at::kFloat);
  const uint8_t* from = images.data_ptr<uint8_t>();
  const int64_t* picks = chosen.data_ptr<int64_t>();
  float* to = batch.data_ptr<float>();
  for (int64_t i = 0; i < count; ++i, to += e.size()) {
    const int64_t dy = uniform(random, -how.shift, how.shift);
    const int64_t dx = uniform(random, -how.shift, how.shift);
    place(from + picks[i] * e.size(), to, e, dy, dx, chance(random, how.flip));
    if (chance(random, how.erase)) erase_patch(to, e, how, random);
  }
  return batch;
}

at::Tensor plain_batch(const at::Tensor& images) { return images.to(at::kFloat).mul_(pixel_scale); }

}  // namespace betimes::learn
