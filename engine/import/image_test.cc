#include "betimes/import/image.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "betimes/import/testing/pictures.h"

namespace betimes::import {
namespace {

using samples::jpeg_of;
using samples::png_of;

Tensor parse(const std::string& bytes, int64_t limit = max_pixels) {
  return parse_image(std::as_bytes(std::span(bytes)), "p", limit);
}

Tensor picture(const Shape& shape, const std::vector<uint8_t>& pixels) {
  return Tensor::from<uint8_t>(shape, pixels);
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && std::equal(a.raw(), a.raw() + a.bytes(), b.raw());
}

TEST(Image, ReadsPngExactly) {
  const Tensor grey = picture({2, 3, 1}, {0, 50, 100, 150, 200, 255});
  EXPECT_TRUE(equal(parse(png_of(grey)), grey));
  const Tensor colour = picture({1, 2, 3}, {255, 0, 7, 1, 2, 3});
  EXPECT_TRUE(equal(parse(png_of(colour)), colour));
}

TEST(Image, ReadsJpegNearly) {
  const Tensor grey(picture({16, 16, 1}, std::vector<uint8_t>(256, 120)));
  const Tensor back = parse(jpeg_of(grey));
  ASSERT_EQ(back.shape(), grey.shape());
  for (const uint8_t pixel : back.data<uint8_t>()) EXPECT_NEAR(pixel, 120, 2);
  const Tensor colour(picture({16, 16, 3}, std::vector<uint8_t>(768, 80)));
  EXPECT_EQ(parse(jpeg_of(colour)).shape(), colour.shape());
}

TEST(Image, RefusesWhatIsTruncatedForeignOrTooLarge) {
  const Tensor grey(picture({16, 16, 1}, std::vector<uint8_t>(256, 120)));
  for (const std::string& whole : {png_of(grey), jpeg_of(grey)}) {
    EXPECT_THROW(parse(whole.substr(0, whole.size() / 2)), Error);
    EXPECT_THROW(parse(whole, 255), Error);
    EXPECT_NO_THROW(parse(whole, 256));
  }
  EXPECT_THROW(parse(""), Error);
  EXPECT_THROW(parse("GIF89a"), Error);
}

TEST(Image, RefusesAHeaderOfAbsurdSize) {
  std::string png = png_of(picture({1, 1, 1}, {9}));
  png[16] = '\x3f';  // the width's first byte: a quarter of the largest there is
  EXPECT_THROW(parse(png), Error);
}

TEST(Image, ResizesByMeansAndInterpolation) {
  const Tensor four = picture({2, 2, 1}, {0, 100, 100, 200});
  // A triangle of twice the width centred between the pixels weighs them equally.
  EXPECT_TRUE(equal(resize_image(four, 1, 1), picture({1, 1, 1}, {100})));
  const Tensor pair = picture({1, 2, 1}, {0, 100});
  EXPECT_TRUE(equal(resize_image(pair, 1, 4), picture({1, 4, 1}, {0, 25, 75, 100})));
  const Tensor flat(picture({7, 5, 3}, std::vector<uint8_t>(105, 33)));
  const Tensor larger(picture({11, 3, 3}, std::vector<uint8_t>(99, 33)));
  EXPECT_TRUE(equal(resize_image(flat, 11, 3), larger));
}

TEST(Image, ChangesTheNumberOfChannels) {
  EXPECT_TRUE(
      equal(with_channels(picture({1, 2, 1}, {4, 5}), 3), picture({1, 2, 3}, {4, 4, 4, 5, 5, 5})));
  EXPECT_TRUE(equal(with_channels(picture({1, 2, 3}, {255, 255, 255, 100, 0, 0}), 1),
                    picture({1, 2, 1}, {255, 30})));
}

}  // namespace
}  // namespace betimes::import
