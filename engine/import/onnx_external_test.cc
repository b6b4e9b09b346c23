// Tensors whose data lies in files beside the model.
#include <gtest/gtest.h>

#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/wire.h"

namespace betimes::import {
namespace {

namespace fs = std::filesystem;
using samples::Wire;

Wire entry(const std::string& key, const std::string& value) {
  return Wire().text(1, key).text(2, value);
}

Wire external(const std::string& name, const std::vector<int64_t>& dims,
              const std::string& location, const std::string& offset = "0",
              const std::string& length = "") {
  Wire tensor;
  for (const int64_t dim : dims) tensor.number(1, dim);
  tensor.number(2, 1).text(8, name).message(13, entry("location", location));
  tensor.message(13, entry("offset", offset));
  if (!length.empty()) tensor.message(13, entry("length", length));
  return tensor.number(14, 1);
}

class OnnxExternal : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            (std::string("betimes_external_") +
             testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_ / "model");
    const float values[4] = {1, 2, 3, 4};
    data_.assign(reinterpret_cast<const char*>(values), sizeof values);
    write_file((root_ / "model" / "w.bin").string(), data_);
    write_file((root_ / "outside.bin").string(), data_);
  }
  void TearDown() override { fs::remove_all(root_); }

  graph::Graph read(const std::vector<Wire>& tensors) const {
    Wire graph;
    int i = 0;
    for (const Wire& tensor : tensors) {
      graph.message(5, tensor).message(12, samples::wire_value("y" + std::to_string(i++), {-1}));
    }
    const std::string path = (root_ / "model" / "m.onnx").string();
    write_file(path, samples::wire_model(graph));
    return read_onnx(path);
  }
  std::string refusal(const Wire& tensor) const {
    try {
      read({tensor});
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path root_;
  std::string data_;
};

TEST_F(OnnxExternal, ReadsAPartOfAFile) {
  const graph::Graph graph = read({external("y0", {2}, "w.bin", "8", "8")});
  EXPECT_EQ(graph.constants.at("y0").data<float>()[0], 3);
  EXPECT_EQ(graph.constants.at("y0").data<float>()[1], 4);
}

TEST_F(OnnxExternal, TiedWeightsShareMemory) {
  const graph::Graph graph = read({external("y0", {4}, "w.bin"), external("y1", {2, 2}, "w.bin"),
                                   external("y2", {4}, "w.bin"), external("y3", {4}, "w.bin")});
  EXPECT_EQ(graph.constants.at("y0").raw(), graph.constants.at("y1").raw());
}

TEST_F(OnnxExternal, RefusesToReadAFileOverAndOver) {
  EXPECT_THROW(read({external("y0", {3}, "w.bin", "0"), external("y1", {3}, "w.bin", "4"),
                     external("y2", {2}, "w.bin", "0"), external("y3", {1}, "w.bin", "0")}),
               Error);
}

TEST_F(OnnxExternal, StaysInTheModelsDirectory) {
  const std::string absolute = (root_ / "outside.bin").string();
  fs::create_symlink(root_ / "outside.bin", root_ / "model" / "link.bin");
  for (const std::string& location :
       {std::string("../outside.bin"), absolute, std::string("link.bin"),
        std::string("sub/../../outside.bin")}) {
    EXPECT_NE(refusal(external("y0", {4}, location)).find("a file in the model's directory"),
              std::string::npos)
        << refusal(external("y0", {4}, location));
  }
}

TEST_F(OnnxExternal, ChecksSizesAgainstTheFile) {
  EXPECT_NE(refusal(external("y0", {5}, "w.bin")).find("ends before the tensor"),
            std::string::npos);
  EXPECT_NE(refusal(external("y0", {1}, "w.bin", "16")).find("ends before the tensor"),
            std::string::npos);
  EXPECT_NE(refusal(external("y0", {int64_t{1} << 50}, "w.bin")).find("ends before the tensor"),
            std::string::npos);
  EXPECT_NE(refusal(external("y0", {2}, "w.bin", "0", "12")).find("12 bytes of external data"),
            std::string::npos);
  EXPECT_NE(refusal(external("y0", {2}, "w.bin", "-8")).find("bad number"), std::string::npos);
  EXPECT_NE(refusal(external("y0", {2}, "none.bin")).find("can't be found"), std::string::npos);
  EXPECT_NE(refusal(external("y0", {2}, ".")).find("isn't a regular file"), std::string::npos);
}

TEST_F(OnnxExternal, IsRefusedFromMemory) {
  Wire graph;
  graph.message(5, external("y", {4}, "w.bin")).message(12, samples::wire_value("y", {4}));
  const std::string bytes = samples::wire_model(graph);
  EXPECT_THROW(parse_onnx(std::as_bytes(std::span(bytes)), "memory"), Error);
}

}  // namespace
}  // namespace betimes::import
