#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/tensor/tensor.h"

namespace betimes::bench {

/// A model to compare on, as bench/models.json lists it.
struct Model {
  std::string name;
  std::string group = {};  // models that are near copies of one another have one; else the name
  std::string file;
  std::map<std::string, Shape> shapes;
  std::map<std::string, int64_t> values;  // integer inputs of one number, fixed in our plan
  double scale = 1;                       // of the input pattern, see fill_pattern
  double offset = 0;
};

/// What "{repository}" and the like stand for in the list.
using Roots = std::map<std::string, std::string>;

/// Throws Error when the list can't be read. Files that aren't there stay in the list.
std::vector<Model> read_models(const std::string& path, const Roots& roots);

/// A sequence that looks like noise and is the same everywhere: element i of a tensor is
/// u/255*scale + offset, rounded for i64, u = ((i*1103515245 + 12345) mod 2^32) >> 16 & 255.
/// `first` is the index of the first element, so that several examples differ.
void fill_pattern(const TensorView& tensor, const Model& model, uint32_t first = 0);

/// The graph with every node quantised that can be, calibrated by min-max on eight patterns. It is
/// as fast as a fitted model, not as good: real fits choose nodes and see real examples. Throws
/// Error for a model of several inputs.
graph::Graph in_int8(const graph::Graph& original, const Model& model);
/// Writes the same for the model's file as the standard QuantizeLinear/DequantizeLinear file that
/// both runtimes then run.
void write_int8(const Model& model, const std::string& path);

/// Writes a model with as many inputs and outputs, of one element each, that copies: what is left
/// of a call when there is nothing to compute.
void write_trivial(size_t inputs, size_t outputs, const std::string& path);

}  // namespace betimes::bench
