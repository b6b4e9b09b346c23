#pragma once

#include <string>

namespace betimes::bench {

/// Writes the networks that nobody ships small enough into the folder, in the form that PyTorch's
/// exporter gives them: bert.onnx (4 layers of 256, 4 heads, 128 tokens, masked; layer
/// normalisation and Gelu spelled out, as for opset 11), vit.onnx (a tiny vision transformer: 12
/// layers of 192, 3 heads, 197 tokens of a picture of 224 x 224; one product for queries, keys and
/// values) and ctr.onnx (26 embeddings of 10,000 x 16 and 13 numbers, a tower of 400, 400, 400).
/// Their weights are random: what they compute says nothing, how long it takes does.
void write_made_models(const std::string& folder);

}  // namespace betimes::bench
