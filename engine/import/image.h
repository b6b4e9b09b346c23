#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "betimes/tensor/tensor.h"

namespace betimes::import {

/// Pictures of more pixels than this are refused before they are decoded.
inline constexpr int64_t max_pixels = int64_t{1} << 26;

/// Decodes a PNG or JPEG picture to u8 [H, W, C], C = 1 for grey and 3 for colour, 8 bits of sRGB.
/// Transparent parts are shown on black; the orientation that a camera notes is ignored. Throws
/// Error naming the file when it is neither, truncated, or too large.
Tensor read_image(const std::string& path);
/// The same from memory; `where` names the source in messages.
Tensor parse_image(std::span<const std::byte> bytes, const std::string& where,
                   int64_t pixel_limit = max_pixels);

/// u8 [H, W, C] to u8 [height, width, C], bilinear with half-pixel centres; shrinking averages over
/// all pixels covered, as Pillow does, so that nothing aliases.
Tensor resize_image(const Tensor& image, int64_t height, int64_t width);

/// u8 [H, W, 1 or 3] with 1 or 3 channels: grey is repeated, colour becomes luma (ITU-R BT.601).
Tensor with_channels(const Tensor& image, int64_t channels);

}  // namespace betimes::import
