#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// A function that nobody wrote (synthetic).
struct Generated {
  std::string text;  // MLIR, linalg on tensors
  std::string kind;  // "random", or the motif's name
};

/// A random static-shape function: three in five of them a graph of 3 to 25 operators, else a motif
/// of known networks with random sizes. The same seed gives the same text everywhere.
///
/// Extents lie in 4..128, seven in ten of them among the round ones that networks have. Operators:
/// elementwise chains (add, multiply, subtract, maximum; without exp), matrix products, plain and
/// depthwise convolutions without padding, pools, reductions, transposes.
Generated generate(uint64_t seed);

/// The motifs: bottleneck, inverted-residual, attention, layer-norm, mlp. Without exp and roots,
/// whose place polynomials take.
std::vector<std::string> motif_names();
/// One of them. Throws Error for another name.
Generated generate_motif(const std::string& name, uint64_t seed);

}  // namespace betimes::systems::mlir_cost_model
