#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/runtime/session.h"

namespace betimes::cli {

/// Reads what --input was given: "name=b.npy" or "name=c.npz:array", "a.npy" for the first of the
/// model's inputs that isn't named, or "all.npz" whose arrays have the inputs' names. Throws Error
/// unless every input of the model has exactly one array of its type, whose shape fits the declared
/// one and which holds no NaN.
std::map<std::string, Tensor> read_inputs(const graph::Graph& graph,
                                          const std::vector<std::string>& texts);

/// Reads what --set was given: "sr=16000", "size=224,224", "x=x.npy", "x=a.npz:x". Throws Error
/// unless it is an input of the model and the numbers are of its type and fit its shape.
std::map<std::string, Tensor> parse_values(const graph::Graph& graph,
                                           const std::vector<std::string>& texts);

/// Seeded inputs for measuring: standard normal floats, zeros of every other type, which are valid
/// wherever a model looks something up.
void fill_inputs(const runtime::Session& session, uint64_t seed);
/// The same as tensors, for the graph's inputs with these shapes; one without a shape has the
/// declared one, where symbols are what the others make them, or 1. Throws Error for a shape of no
/// input, and where an input has neither kind.
std::map<std::string, Tensor> make_inputs(const graph::Graph& graph,
                                          const std::map<std::string, Shape>& shapes,
                                          uint64_t seed);
/// The model without the inputs that --set gives.
graph::Graph without_fixed(graph::Graph graph, const std::map<std::string, Tensor>& values);

}  // namespace betimes::cli
