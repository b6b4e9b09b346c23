#pragma once

#include <png.h>
#include <turbojpeg.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import::samples {

/// u8 [H, W, 1 or 3] as a PNG file.
inline std::string png_of(const Tensor& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(picture.shape()[0]);
  image.width = static_cast<png_uint_32>(picture.shape()[1]);
  image.format = picture.shape()[2] == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, picture.raw(), 0, nullptr);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.raw(), 0, nullptr)) {
    throw std::runtime_error(image.message);
  }
  bytes.resize(size);
  return bytes;
}

/// u8 [H, W, 1 or 3] as a JPEG file of quality 95.
inline std::string jpeg_of(const Tensor& picture) {
  struct Close {
    void operator()(void* handle) const { tjDestroy(handle); }
  };
  const std::unique_ptr<void, Close> encoder(tjInitCompress());
  const bool grey = picture.shape()[2] == 1;
  unsigned char* out = nullptr;
  unsigned long size = 0;
  const int failed =
      tjCompress2(encoder.get(), reinterpret_cast<const unsigned char*>(picture.raw()),
                  static_cast<int>(picture.shape()[1]), 0, static_cast<int>(picture.shape()[0]),
                  grey ? TJPF_GRAY : TJPF_RGB, &out, &size, grey ? TJSAMP_GRAY : TJSAMP_444, 95, 0);
  std::string bytes;
  if (!failed) bytes.assign(reinterpret_cast<char*>(out), size);
  tjFree(out);
  return bytes;
}

}  // namespace betimes::import::samples
