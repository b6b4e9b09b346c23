#include "betimes/import/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::import {
namespace {

void check_pixels(int64_t width, int64_t height, int64_t limit, const std::string& where) {
  if (width < 1 || height < 1 || width > limit / height) {
    throw Error(where, "has " + std::to_string(width) + " x " + std::to_string(height) + " pixels",
                "at most " + std::to_string(limit) + " in all");
  }
}

struct FreePng {
  void operator()(png_image* image) const { png_image_free(image); }
};

Tensor decode_png(std::span<const std::byte> bytes, const std::string& where, int64_t limit) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, FreePng> guard(&image);
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) {
    throw Error(where, std::string("can't be decoded as PNG: ") + image.message);
  }
  check_pixels(image.width, image.height, limit, where);
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Tensor result(DType::u8, {image.height, image.width, colour ? 3 : 1});
  if (!png_image_finish_read(&image, nullptr, result.mutable_raw(), 0, nullptr)) {
    throw Error(where, std::string("can't be decoded as PNG: ") + image.message);
  }
  return result;
}

struct CloseJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

Tensor decode_jpeg(std::span<const std::byte> bytes, const std::string& where, int64_t limit) {
  const std::unique_ptr<void, CloseJpeg> decoder(tjInitDecompress());
  if (!decoder) throw Error(where, "can't be decoded: out of memory");
  const auto fail = [&] {
    throw Error(where, std::string("can't be decoded as JPEG: ") + tjGetErrorStr2(decoder.get()));
  };
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int space = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &space) != 0) {
    fail();
  }
  check_pixels(width, height, limit, where);
  if (space == TJCS_CMYK || space == TJCS_YCCK) {
    throw Error(where, "is a CMYK picture, which isn't supported", "grey or RGB");
  }
  const bool colour = space != TJCS_GRAY;
  Tensor result(DType::u8, {height, width, colour ? 3 : 1});
  auto* out = reinterpret_cast<unsigned char*>(result.mutable_raw());
  // A few bytes can announce thousands of progressive scans: decoding time is bounded, too.
  const int flags = TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING;
  if (tjDecompress2(decoder.get(), data, bytes.size(), out, width, 0, height,
                    colour ? TJPF_RGB : TJPF_GRAY, flags) != 0) {
    fail();
  }
  return result;
}

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<int> magic) {
  if (bytes.size() < magic.size()) return false;
  return std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](int a, std::byte b) { return std::byte(a) == b; });
}

/// The source pixels that one output pixel is a mean of.
struct Taps {
  int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps_for(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  std::vector<Taps> all;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto low = std::max(int64_t{0}, static_cast<int64_t>(std::floor(centre - support + 0.5)));
    const auto high = std::min(from, static_cast<int64_t>(std::floor(centre + support + 0.5)));
    Taps taps{low, {}};
    double sum = 0;
    for (int64_t x = low; x < high; ++x) {
      const double distance = std::fabs((static_cast<double>(x) + 0.5 - centre) / support);
      const double weight = std::max(0.0, 1.0 - distance);
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight = static_cast<float>(weight / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

/// Resamples the middle of [outer, from, inner] to [outer, to, inner].
std::vector<float> resample(const std::vector<float>& in, int64_t outer, int64_t from,
                            int64_t inner, int64_t to) {
  const std::vector<Taps> taps = taps_for(from, to);
  std::vector<float> out(static_cast<size_t>(outer * to * inner));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < to; ++i) {
      const Taps& tap = taps[static_cast<size_t>(i)];
      float* target = out.data() + (o * to + i) * inner;
      for (size_t k = 0; k < tap.weights.size(); ++k) {
        const float* source = in.data() + (o * from + tap.first + static_cast<int64_t>(k)) * inner;
        for (int64_t x = 0; x < inner; ++x) target[x] += tap.weights[k] * source[x];
      }
    }
  }
  return out;
}

}  // namespace

Tensor parse_image(std::span<const std::byte> bytes, const std::string& where,
                   int64_t pixel_limit) {
  if (bytes.empty()) throw Error(where, "is empty", "a PNG or JPEG picture");
  if (starts_with(bytes, {0x89, 'P', 'N', 'G'})) return decode_png(bytes, where, pixel_limit);
  if (starts_with(bytes, {0xff, 0xd8})) return decode_jpeg(bytes, where, pixel_limit);
  throw Error(where, "isn't a PNG or JPEG picture");
}

Tensor read_image(const std::string& path) { return parse_image(read_file(path), path); }

Tensor resize_image(const Tensor& image, int64_t height, int64_t width) {
  const int64_t rows = image.shape().at(0);
  const int64_t columns = image.shape().at(1);
  const int64_t channels = image.shape().at(2);
  if (rows == height && columns == width) return image;
  const auto pixels = image.data<uint8_t>();
  const std::vector<float> source(pixels.begin(), pixels.end());
  const auto wide = resample(source, rows, columns, channels, width);
  const auto both = resample(wide, 1, rows, width * channels, height);
  Tensor result(DType::u8, {height, width, channels});
  auto out = result.mutable_data<uint8_t>();
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<uint8_t>(std::clamp(std::lround(both[i]), 0l, 255l));
  }
  return result;
}

Tensor with_channels(const Tensor& image, int64_t channels) {
  const int64_t given = image.shape().at(2);
  if (given == channels) return image;
  const auto in = image.data<uint8_t>();
  Tensor result(DType::u8, {image.shape()[0], image.shape()[1], channels});
  auto out = result.mutable_data<uint8_t>();
  if (given == 1) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = in[i / 3];
    return result;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const uint8_t* p = &in[3 * i];
    out[i] = static_cast<uint8_t>((p[0] * 299 + p[1] * 587 + p[2] * 114 + 500) / 1000);
  }
  return result;
}

}  // namespace betimes::import
