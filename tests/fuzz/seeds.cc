// Writes small valid files of every format that the fuzz targets read.
#include <cstdio>
#include <filesystem>
#include <string>

#include "betimes/base/file.h"
#include "betimes/cost/device.h"
#include "betimes/cost/reference_set.h"
#include "betimes/import/npy.h"
#include "engine/import/testing/pictures.h"
#include "engine/import/testing/wire.h"
#include "engine/import/testing/zip_of.h"
#include "systems/hardware/mlir-cost-model/testing.h"

namespace {

using betimes::import::samples::Wire;
using betimes::import::samples::wire_model;
using betimes::import::samples::wire_node;
using betimes::import::samples::wire_tensor;
using betimes::import::samples::wire_value;
namespace fs = std::filesystem;

Wire integers(const std::string& name, const std::vector<int64_t>& values) {
  Wire wire;
  wire.text(1, name);
  for (const int64_t value : values) wire.number(8, value);
  return wire.number(20, 7);
}
Wire integer(const std::string& name, int64_t value) {
  return Wire().text(1, name).number(3, value).number(20, 2);
}
Wire real(const std::string& name, float value) {
  return Wire().text(1, name).real(2, value).number(20, 1);
}
Wire text(const std::string& name, const std::string& value) {
  return Wire().text(1, name).text(4, value).number(20, 3);
}

/// One node between an input "x" [1, 2, 4, 4] and an output "y".
std::string single(const std::string& op, int64_t opset, const std::vector<Wire>& attributes,
                   const std::vector<std::pair<std::string, std::vector<int64_t>>>& indices = {}) {
  Wire graph;
  std::vector<std::string> inputs = {"x"};
  for (const auto& [name, values] : indices) {
    inputs.push_back(name);
    if (name.empty()) continue;
    std::string raw;
    for (const int64_t value : values) {
      raw.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    graph.message(5, wire_tensor(name, 7, {static_cast<int64_t>(values.size())}, raw));
  }
  graph.message(1, wire_node({op, inputs, {"y"}, attributes, "node", ""}))
      .message(11, wire_value("x", {1, 2, 4, 4}))
      .message(12, wire_value("y", {-1}));
  return wire_model(graph, opset);
}

void put(const fs::path& folder, const std::string& name, const std::string& content) {
  fs::create_directories(folder);
  betimes::write_file((folder / name).string(), content);
}

void write_models(const fs::path& folder) {
  int count = 0;
  const auto add = [&](const std::string& model) {
    put(folder, std::to_string(count++) + ".onnx", model);
  };
  for (const int64_t opset : {7, 12, 17, 21}) {
    for (const char* op : {"Relu", "Sigmoid", "Softmax", "Shape", "GlobalAveragePool", "Identity",
                           "Flatten", "Gelu", "Mish", "Dropout", "Erf", "Not", "Size"}) {
      add(single(op, opset, {}));
    }
  }
  add(single("Clip", 7, {real("min", 0), real("max", 6)}));
  add(single("Softmax", 11, {integer("axis", 2)}));
  add(single("Squeeze", 11, {integers("axes", {0})}));
  add(single("Unsqueeze", 13, {}, {{"axes", {0, -1}}}));
  add(single("Split", 11, {integer("axis", 1), integers("split", {1, 1})}));
  add(single("Slice", 9, {integers("starts", {0}), integers("ends", {9})}));
  add(single("Slice", 17, {}, {{"starts", {0}}, {"ends", {-1}}, {"axes", {2}}, {"steps", {2}}}));
  add(single("Pad", 10, {integers("pads", {0, 0, 1, 1, 0, 0, 1, 1}), text("mode", "reflect")}));
  add(single("Pad", 18, {}, {{"pads", {1, 1}}, {"", {}}, {"axes", {2}}}));
  add(single("Reshape", 17, {}, {{"shape", {0, -1}}}));
  add(single("Transpose", 17, {integers("perm", {0, 2, 3, 1})}));
  add(single("MaxPool", 17,
             {integers("kernel_shape", {2, 2}), integers("strides", {2, 2}),
              integers("pads", {0, 0, 1, 1}), integer("ceil_mode", 1)}));
  add(single("AveragePool", 17,
             {integers("kernel_shape", {3, 3}), text("auto_pad", "SAME_UPPER")}));
  add(single("ReduceMean", 17, {integers("axes", {2, 3}), integer("keepdims", 0)}));
  add(single("ReduceMean", 18, {}, {{"axes", {2, 3}}}));
  add(single("Expand", 17, {}, {{"shape", {3, 2, 4, 4}}}));
  add(single("Tile", 17, {}, {{"repeats", {1, 2, 1, 1}}}));
  add(single("Gather", 17, {integer("axis", 1)}, {{"indices", {0, -1}}}));
  add(single("TopK", 17, {}, {{"k", {2}}}));
  add(single("Cast", 17, {integer("to", 7)}));
  add(single("Concat", 17, {integer("axis", 0)}, {{"more", {1}}}));
  add(single("DepthToSpace", 17, {integer("blocksize", 1)}));
}

std::string word(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

void write_arrays(const fs::path& root) {
  using betimes::DType;
  fs::create_directories(root / "npy");
  for (const DType type : {DType::f32, DType::u8, DType::i64, DType::boolean}) {
    const fs::path path = root / "npy" / (std::string(betimes::name(type)) + ".npy");
    betimes::import::write_npy(betimes::Tensor(type, {2, 3}), path.string());
  }
  put(root / "idx", "u8", std::string("\0\0\x08\x02", 4) + word(2) + word(3) + "abcdef");
  put(root / "idx", "f32", std::string("\0\0\x0d\x01", 4) + word(1) + "abcd");
}

void write_safetensors(const fs::path& root) {
  const std::pair<const char*, std::string> headers[] = {
      {"two", R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
              R"("e":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})"},
      {"empty", R"({"e":{"dtype":"BF16","shape":[0,4],"data_offsets":[0,0]}})"}};
  for (const auto& [name, header] : headers) {
    std::string size;
    for (size_t i = 0; i < 8; ++i) size += static_cast<char>(header.size() >> (8 * i));
    put(root / "safetensors", name, size + header + (name[0] == 't' ? "abcdefghijk" : ""));
  }
}

void write_archives(const fs::path& root) {
  using betimes::import::samples::zip_of;
  std::string arrays[2];
  for (size_t i = 0; i < 2; ++i) {
    const fs::path path = root / "npy" / (i == 0 ? "float32.npy" : "int64.npy");
    for (const std::byte b : betimes::read_file(path.string())) arrays[i] += static_cast<char>(b);
  }
  // The names that torch.jit.save gives; the pickles are None and an empty tuple.
  const std::string code =
      "class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return x\n";
  for (const bool deflated : {false, true}) {
    const std::string kind = deflated ? "deflated" : "stored";
    put(root / "npz", kind + "-one", zip_of({{"arr_0.npy", arrays[0]}}, deflated));
    put(root / "npz", kind + "-two",
        zip_of({{"x.npy", arrays[0]}, {"y.npy", arrays[1]}}, deflated));
    put(root / "torchscript", kind,
        zip_of({{"m/data.pkl", "\x80\x02N."},
                {"m/code/__torch__.py", code},
                {"m/data/0", std::string(24, '\1')},
                {"m/constants.pkl", "\x80\x02)."},
                {"m/version", "3\n"}},
               deflated));
  }
  put(root / "torchscript", "empty", zip_of({{"m/version", ""}}));
}

void write_device(const fs::path& root) {
  betimes::cost::Device device;
  device.name = device.machine.cpu = "fuzz";
  device.machine.cpus = 1;
  device.machine.read_gb_per_s = device.machine.peak_gflops_fp32 = 1.5;
  device.reference_set = betimes::cost::reference_set_name;
  for (const auto& net : betimes::cost::reference_nets()) {
    device.references.push_back({net.name, 1, 2, 3, 0.5, 1.5, 9});
  }
  device.kernels = {{{"Conv", "jit:avx2", {}}, 0.25}, {{"MatMul", "gemm:jit", {}}, 0.5}};
  put(root / "device", "ours", betimes::cost::format_device(device));
  device.reference_set = "other";
  device.references.resize(1);
  put(root / "device", "other", betimes::cost::format_device(device));
}

void write_trees(const fs::path& root) {
  put(root / "boosted_trees", "one",
      R"({"learner":{"gradient_booster":{"model":{"trees":[{"default_left":[1,0,0],)"
      R"("left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[0.5,1,2],)"
      R"("split_indices":[1,0,0],"split_type":[0,0,0]}]},"name":"gbtree"},"learner_model_param":)"
      R"({"base_score":"5E-1","num_feature":"2"},"objective":{"name":"reg:squarederror"}}})");
}

void write_tables_and_pictures(const fs::path& root) {
  put(root / "csv", "names", "file,label\r\n\"a \"\"b\"\".png\",cat\r\nc.png,dog\r\n");
  put(root / "csv", "numbers", "a,1\nb,2\n");
  put(root / "csv", "alone", "label\n3\n");
  const std::string header =
      R"({"format":"betimes-ledger","version":1,"space":"0ed570575b88a4a8","seed":1,"problem":"fuzz"})";
  put(root / "ledger", "two", header + R"(
{"round":0,"setting":{"cache":true,"depth":1,"rate":0.5},"status":"done","quality":0.9,"latency_ms":1.5,"extra":{"p99":2.5},"seconds":0.1}
{"round":1,"setting":{"cache":false,"depth":2,"rate":0.25},"status":"failed","reason":"none","seconds":0}
)");
  put(root / "series", "dates", "timestamp,value\n2014-04-10 07:15:00.5,1\n2014-04-10T08:00Z,2\n");
  put(root / "series", "labels", "t;x;label\n1;0.5;0\n2;nan;1\n");
  put(root / "series", "intervals", "start,end\n1,1\n");
  for (const int64_t channels : {1, 3}) {
    const betimes::Tensor picture(betimes::DType::u8, {9, 11, channels});
    const std::string kind = std::to_string(channels);
    put(root / "image", kind + ".png", betimes::import::samples::png_of(picture));
    put(root / "image", kind + ".jpg", betimes::import::samples::jpeg_of(picture));
  }
}

void write_circuits(const fs::path& root) {
  put(root / "mlir", "small", betimes::systems::mlir_cost_model::small_text);
  put(root / "mlir", "printed", betimes::systems::mlir_cost_model::printed_text);
  put(root / "liberty", "two-cells", R"(library (fuzz) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); default_max_transition : 2;
  lu_table_template (t) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.5"); index_2 ("0.01, 0.1"); }
  cell (INV) { area : 2; pin (A) { direction : input; capacitance : 0.003; }
    pin (Y) { direction : output; function : "!A"; timing () { related_pin : "A";
      timing_sense : negative_unate; cell_rise (t) { values ("1, 2", \
      "3, 4"); } rise_transition (scalar) { values ("7"); } cell_fall (t) { values ("1, 2", "3, 4"); }
      fall_transition (scalar) { values ("8"); } } } }
  cell (DFF) { area : 9; ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; }
    pin (D) { direction : input; capacitance : 0.01; timing () { related_pin : "C";
      timing_type : setup_rising; rise_constraint (scalar) { values ("0.1"); }
      fall_constraint (scalar) { values ("0.1"); } } }
    pin (C) { direction : input; clock : true; capacitance : 0.01; }
    pin (Q) { direction : output; function : "IQ"; timing () { related_pin : "C";
      timing_type : rising_edge; cell_rise (scalar) { values ("1"); }
      cell_fall (scalar) { values ("1"); } rise_transition (scalar) { values ("1"); }
      fall_transition (scalar) { values ("1"); } } } }
})");
  put(root / "netlist", "register", R"(module m(clk, a, y);
  input clk; input [1:0] a; output y; wire \n~1 , q; wire [1:0] w;
  assign w[0] = a[1]; assign w[1] = 1'b0;
  NAND2 g0 ( .A(a[0]), .B(w[0]), .Y(\n~1 ) );
  DFF r0 ( .D(\n~1 ), .CLK(clk), .Q(q) );
  INV g1 ( .A(q), .Y(y) );
endmodule
)");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: fuzz_seeds DIRECTORY\n", stderr);
    return 2;
  }
  const fs::path root = arguments[1];
  write_models(root / "onnx");
  write_safetensors(root);
  write_arrays(root);
  write_archives(root);
  write_device(root);
  write_trees(root);
  write_tables_and_pictures(root);
  write_circuits(root);
  return 0;
}
