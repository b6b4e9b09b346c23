#include "betimes/import/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/npy.h"
#include "betimes/import/testing/pictures.h"

namespace betimes::import {
namespace {

namespace fs = std::filesystem;

class DatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("betimes_dataset_") +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "images");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void grey_picture(const std::string& name, uint8_t value, int64_t side = 2) {
    const std::vector<uint8_t> pixels(static_cast<size_t>(side * side), value);
    write_file(path("images/" + name),
               samples::png_of(Tensor::from<uint8_t>({side, side, 1}, pixels)));
  }

  std::string refusal(const std::string& data, const std::string& labels, const Shape& input,
                      const DatasetOptions& options = {}) const {
    try {
      load_examples(path(data), labels.empty() ? "" : path(labels), input, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder_;
};

std::vector<float> values(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

TEST_F(DatasetTest, LoadsPicturesByNameWithTheirLabels) {
  grey_picture("b.png", 255);
  grey_picture("a.png", 51, 8);  // resized
  write_file(path("images/notes.txt"), "not a picture");
  write_file(path("labels.csv"), "file,label\nb.png,7\na.png,3\n");
  const Dataset d = load_examples(path("images"), path("labels.csv"), {1, 1, 2, 2});
  EXPECT_EQ(d.inputs.shape(), (Shape{2, 1, 2, 2}));
  EXPECT_EQ(d.names, (std::vector<std::string>{"a.png", "b.png"}));
  EXPECT_EQ(d.labels, (std::vector<int64_t>{3, 7}));
  EXPECT_FLOAT_EQ(values(d.inputs)[0], 0.2f);
  EXPECT_FLOAT_EQ(values(d.inputs)[7], 1.0f);
}

TEST_F(DatasetTest, PutsChannelsWhereTheModelHasThem) {
  write_file(path("images/c.png"),
             samples::png_of(Tensor::from<uint8_t>({1, 2, 3}, {1, 2, 3, 4, 5, 6})));
  DatasetOptions options;
  options.preprocess.scale = 1.0f;
  const Dataset planes = load_examples(path("images"), "", {1, 3, 1, 2}, options);
  EXPECT_EQ(values(planes.inputs), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  options.preprocess.layout = Layout::nhwc;
  options.preprocess.mean = {1, 2, 3};
  options.preprocess.deviation = {2};
  const Dataset pixels = load_examples(path("images"), "", {1, 1, 2, 3}, options);
  EXPECT_EQ(values(pixels.inputs), (std::vector<float>{0, 0, 0, 1.5, 1.5, 1.5}));
}

TEST_F(DatasetTest, NormalizesStacksPerChannel) {
  write_npy(Tensor::from<float>({1, 2, 1, 2}, {1, 2, 3, 4}), path("x.npy"));
  DatasetOptions options;
  options.preprocess.mean = {1, 3};
  options.preprocess.deviation = {1, 0.5f};
  // Two channels are no picture, but they are channels all the same.
  EXPECT_EQ(values(load_examples(path("x.npy"), "", {1, 2, 1, 2}, options).inputs),
            (std::vector<float>{0, 1, 0, 2}));
}

TEST_F(DatasetTest, LoadsStacksOfEveryShapeThatFits) {
  const std::vector<uint8_t> bytes = {0, 51, 102, 255};
  write_npy(Tensor::from<uint8_t>({1, 2, 2}, bytes), path("grey.npy"));
  constexpr float unit = 1.0f / 255;
  const std::vector<float> expected = {0, 51 * unit, 102 * unit, 255 * unit};
  for (const Shape& input : {Shape{1, 1, 2, 2}, Shape{8, 2, 2}, Shape{1, 4}}) {
    EXPECT_EQ(values(load_examples(path("grey.npy"), "", input).inputs), expected)
        << to_string(input);
  }
  EXPECT_EQ(load_examples(path("grey.npy"), "", {1, 3, 4, 4}).inputs.shape(), (Shape{1, 3, 4, 4}));
}

TEST_F(DatasetTest, ReadsIdxWithIdxLabels) {
  write_file(path("images.idx"), std::string("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2\0\1\2\3", 20));
  write_file(path("labels.idx"), std::string("\0\0\x08\x01\0\0\0\2\4\5", 10));
  const Dataset d = load_examples(path("images.idx"), path("labels.idx"), {1, 1, 1, 2});
  EXPECT_EQ(d.labels, (std::vector<int64_t>{4, 5}));
  EXPECT_FLOAT_EQ(values(d.inputs)[3], 3.0f / 255);
}

TEST_F(DatasetTest, KeepsEvenlySpacedExamples) {
  write_npy(Tensor::from<float>({4, 1}, {0, 1, 2, 3}), path("x.npy"));
  write_npy(Tensor::from<int64_t>({4}, {0, 1, 2, 3}), path("y.npy"));
  DatasetOptions options;
  options.max_examples = 2;
  const Dataset d = load_examples(path("x.npy"), path("y.npy"), {1, 1}, options);
  EXPECT_EQ(values(d.inputs), (std::vector<float>{0, 2}));
  EXPECT_EQ(d.labels, (std::vector<int64_t>{0, 2}));
}

TEST_F(DatasetTest, NamesWhereDataIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_npy(Tensor::from<float>({2, 2}, {0, 1, 2, nan}), path("nan.npy"));
  EXPECT_NE(refusal("nan.npy", "", {1, 2}).find("nan.npy: example 1, element 1 is NaN"),
            std::string::npos);
  write_npy(Tensor::from<float>({1, 1}, {1 / 0.0f}), path("inf.npy"));
  EXPECT_NE(refusal("inf.npy", "", {1, 1}).find("element 0 is infinite"), std::string::npos);
}

TEST_F(DatasetTest, RefusesDataThatDoesNotFitTheModel) {
  write_npy(Tensor(DType::f32, {2, 3}), path("x.npy"));
  EXPECT_NE(refusal("x.npy", "", {1, 4}).find("is float32[2, 3], but the model's input is [1, 4]"),
            std::string::npos);
  write_npy(Tensor(DType::f32, {}), path("scalar.npy"));
  EXPECT_NE(refusal("scalar.npy", "", {1, 4}).find("a stack of examples"), std::string::npos);
  EXPECT_NE(refusal("images", "", {1, 1, 2, 2}).find("has no PNG or JPEG"), std::string::npos);
  grey_picture("a.png", 1);
  EXPECT_NE(refusal("images", "", {1, 4}).find("holds pictures"), std::string::npos);
  EXPECT_NE(refusal("missing.npy", "", {1, 4}).find("can't be opened"), std::string::npos);
  DatasetOptions options;
  options.preprocess.mean = {1, 2};
  EXPECT_NE(refusal("images", "", {1, 1, 2, 2}, options).find("mean has 2 values"),
            std::string::npos);
}

TEST_F(DatasetTest, RefusesLabelsThatDoNotMatch) {
  grey_picture("a.png", 1);
  grey_picture("b.png", 2);
  write_file(path("absent.csv"), "a.png,0\nb.png,1\nc.png,1\n");
  EXPECT_NE(refusal("images", "absent.csv", {1, 1, 2, 2}).find("line 3: names 'c.png'"),
            std::string::npos);
  write_file(path("short.csv"), "a.png,0\n");
  EXPECT_NE(refusal("images", "short.csv", {1, 1, 2, 2}).find("has no label for b.png"),
            std::string::npos);
  write_npy(Tensor::from<int64_t>({3}, {0, 1, 2}), path("three.npy"));
  EXPECT_NE(refusal("images", "three.npy", {1, 1, 2, 2}).find("has 3 labels (expected 2"),
            std::string::npos);
  write_npy(Tensor::from<int64_t>({2}, {0, -1}), path("negative.npy"));
  EXPECT_NE(refusal("images", "negative.npy", {1, 1, 2, 2}).find("label 1 is -1"),
            std::string::npos);
  write_npy(Tensor(DType::f32, {2}), path("real.npy"));
  EXPECT_NE(refusal("images", "real.npy", {1, 1, 2, 2}).find("whole numbers"), std::string::npos);
  write_npy(Tensor(DType::f32, {2, 4}), path("x.npy"));
  EXPECT_NE(refusal("x.npy", "absent.csv", {1, 4}).find("has 3 labels"), std::string::npos);
}

}  // namespace
}  // namespace betimes::import
