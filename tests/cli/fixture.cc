#include "tests/cli/fixture.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "betimes/base/file.h"
#include "betimes/base/random.h"
#include "betimes/graph/graph.h"
#include "betimes/import/npy.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/pictures.h"
#include "betimes/import/testing/zip_of.h"

namespace betimes::test {
namespace {

constexpr int examples = 64;

Tensor noise(Shape shape, uint64_t seed) {
  Tensor tensor(DType::f32, std::move(shape));
  Random random(seed);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(0.3 * random.normal());
  return tensor;
}

graph::ValueInfo value(const std::string& name, std::vector<graph::Dim> dims) {
  return {name, DType::f32, std::move(dims)};
}

/// x [N, 1, 12, 12] -> Conv, Relu, Conv, Relu, GlobalAveragePool, Flatten, Gemm -> scores [N, 10].
graph::Graph small_classifier() {
  graph::Graph g;
  g.name = "small classifier";
  g.inputs = {value("x", {{-1, "N"}, {1, ""}, {12, ""}, {12, ""}})};
  g.outputs = {value("scores", {{-1, "N"}, {10, ""}})};
  g.constants = {{"w1", noise({8, 1, 3, 3}, 1)},  {"b1", noise({8}, 2)},
                 {"w2", noise({16, 8, 3, 3}, 3)}, {"b2", noise({16}, 4)},
                 {"w3", noise({10, 16}, 5)},      {"b3", noise({10}, 6)}};
  const std::vector<int64_t> pads = {1, 1, 1, 1};
  const auto node = [&](std::string name, std::string op, std::vector<std::string> inputs,
                        std::string output) -> graph::Node& {
    g.nodes.push_back({std::move(name), std::move(op), "", std::move(inputs), {output}, {}});
    return g.nodes.back();
  };
  node("conv1", "Conv", {"x", "w1", "b1"}, "c1").attributes["pads"] = pads;
  node("relu1", "Relu", {"c1"}, "r1");
  node("conv2", "Conv", {"r1", "w2", "b2"}, "c2").attributes["pads"] = pads;
  node("relu2", "Relu", {"c2"}, "r2");
  node("pool", "GlobalAveragePool", {"r2"}, "p");
  node("flat", "Flatten", {"p"}, "f");
  node("fc", "Gemm", {"f", "w3", "b3"}, "scores").attributes["transB"] = int64_t{1};
  return g;
}

/// Two inputs, two outputs, one with a name that is no file name.
graph::Graph sum_and_difference() {
  graph::Graph g;
  g.name = "two";
  g.inputs = {value("a", {{4, ""}}), value("b", {{4, ""}})};
  g.outputs = {value("sum", {{4, ""}}), value("a/b:difference", {{4, ""}})};
  g.nodes = {{"add", "Add", "", {"a", "b"}, {"sum"}, {}},
             {"sub", "Sub", "", {"a", "b"}, {"a/b:difference"}, {}}};
  return g;
}

graph::Subgraph branch(const std::string& op) {
  graph::Graph body;
  body.inputs = {value("a", {{4, ""}})};
  body.outputs = {value("r", {{4, ""}})};
  body.nodes = {{"only", op, "", {"a"}, {"r"}, {}}};
  return std::make_shared<const graph::Graph>(std::move(body));
}

/// y = way == 1 ? -a : |a|, and where a isn't 0: a branch and a shape that hang on values.
graph::Graph choice() {
  graph::Graph g;
  g.name = "choice";
  g.inputs = {value("a", {{4, ""}}), {"way", DType::i64, std::vector<graph::Dim>{}}};
  g.outputs = {value("y", {{4, ""}}), {"where", DType::i64, std::nullopt}};
  g.constants = {{"one", Tensor::scalar(int64_t{1})}};
  g.nodes = {{"is_one", "Equal", "", {"way", "one"}, {"flag"}, {}},
             {"choose", "If", "", {"flag", "a"}, {"y"}, {}},
             {"found", "NonZero", "", {"a"}, {"where"}, {}}};
  g.nodes[1].attributes = {
      {"then_branch", branch("Neg")}, {"else_branch", branch("Abs")}, {"captures", int64_t{1}}};
  return g;
}

/// images/100.png ... and labels.csv, which names them.
void add_pictures(const std::string& folder) {
  std::filesystem::create_directory(folder + "/images");
  Random random(10);
  std::string labels = "file,label\n";
  for (int i = 0; i < examples; ++i) {
    Tensor picture(DType::u8, {12, 12, 1});
    for (uint8_t& pixel : picture.mutable_data<uint8_t>()) {
      pixel = static_cast<uint8_t>(random.below(256));
    }
    const std::string file = std::to_string(100 + i) + ".png";
    write_file(folder + "/images/" + file, import::samples::png_of(picture));
    labels += file + "," + std::to_string(i % 10) + "\n";
  }
  write_file(folder + "/labels.csv", labels);
}

/// 400 points of a cycle that stands still at 200..219, its labels in several forms, scores of a
/// detector that is early and of one that is late, and what is wrong with such files.
void add_series(const std::string& folder) {
  Random random(11);
  std::string values = "load\n";
  std::string points = "label\n";
  std::string both = "time,load,label\n";
  std::string scores = "early,late\n";
  std::string normal;
  std::string all;
  for (int i = 0; i < 400; ++i) {
    const bool anomalous = i >= 200 && i < 220;
    const double value = anomalous ? 0 : std::sin(i / 4.0) + 0.05 * random.normal();
    values += std::to_string(value) + "\n";
    points += std::to_string(int{anomalous}) + "\n";
    both += std::to_string(1000 + 5 * i) + "," + std::to_string(value) + "," +
            std::to_string(int{anomalous}) + "\n";
    scores += i >= 190 && i < 210 ? "1," : "0,";
    scores += i >= 210 && i < 230 ? "1\n" : "0\n";
    normal += "0\n";
    all += "1\n";
  }
  const auto put = [&](const char* name, const std::string& text) {
    write_file(folder + "/" + name, text);
  };
  put("series.csv", values);
  put("series-labels.csv", points);
  put("series-intervals.csv", "start,end\n200,219\n");
  put("series-times.csv", "start,end\n2000,2095\n");
  put("series-both.csv", both);
  put("series-scores.csv", scores);
  put("series-normal.csv", normal);
  put("series-all.csv", all);
  put("series-short.csv", "score\n1\n2\n");
  put("series-gap.csv", "score\n1\nnan\n3\n");
}

std::string text_of(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void fill(const std::string& folder) {
  const auto at = [&](const char* name) { return folder + "/" + name; };
  import::write_onnx(small_classifier(), at("model.onnx"));
  import::write_onnx(sum_and_difference(), at("two.onnx"));
  import::write_onnx(choice(), at("choice.onnx"));
  import::write_npy(noise({1, 1, 12, 12}, 7), at("x.npy"));
  import::write_npy(noise({examples, 1, 12, 12}, 8), at("images.npy"));
  import::write_npy(noise({1, 1, 12, 13}, 9), at("wide.npy"));
  import::write_npy(Tensor(DType::i64, {1, 1, 12, 12}), at("integers.npy"));
  import::write_npy(Tensor::from<float>({4}, std::vector<float>{1, 2, 3, 4}), at("a.npy"));
  import::write_npy(Tensor::from<float>({4}, std::vector<float>{10, 20, 30, 40}), at("b.npy"));
  write_file(at("named.npz"), import::samples::zip_of({{"b.npy", text_of(at("a.npy"))},
                                                       {"a.npy", text_of(at("b.npy"))}}));
  write_file(at("ordered.npz"), import::samples::zip_of({{"arr_1.npy", text_of(at("b.npy"))},
                                                         {"arr_0.npy", text_of(at("a.npy"))}}));
  write_file(at("only.npz"), import::samples::zip_of({{"image.npy", text_of(at("x.npy"))}}));
  Tensor holed = noise({1, 1, 12, 12}, 7);
  holed.mutable_data<float>()[17] = NAN;
  import::write_npy(holed, at("nan.npy"));
  std::string classes;
  for (int i = 0; i < examples; ++i) classes += std::to_string(i % 10) + "\n";
  write_file(at("classes.csv"), classes);
  std::vector<int64_t> numbers;
  for (int i = 0; i < examples; ++i) numbers.push_back(i % 10);
  import::write_npy(Tensor::from<int64_t>({examples}, numbers), at("labels.npy"));
  write_file(at("data.npz"), import::samples::zip_of({{"images.npy", text_of(at("images.npy"))},
                                                      {"labels.npy", text_of(at("labels.npy"))}},
                                                     true));
  add_pictures(folder);
  add_series(folder);
  write_file(at("empty.onnx"), "");
  write_file(at("garbage.onnx"), "this is no model");
  write_file(at("garbage.npy"), "this is no array");
  write_file(at("garbage.device"), "this is no device");
  write_file(at("garbage.npz"), "this is no archive");
  std::filesystem::create_directory(at("folder"));
}

}  // namespace

Workplace::Workplace() { fill(path()); }

}  // namespace betimes::test
