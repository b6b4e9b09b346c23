#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

// Architectures as the numbers that the predictor reads (Lee et al., HELP, NeurIPS 2021, and its
// code).

namespace betimes::systems::help {

/// Architectures of one space.
struct Encoded {
  int64_t width = 0;             // numbers a node
  int64_t nodes = 1;             // of an architecture; 1: it is a vector and no graph
  std::vector<float> adjacency;  // [nodes, nodes], the same for all; empty: no graph
  std::vector<float> features;   // [count, nodes, width]

  size_t count() const { return features.size() / static_cast<size_t>(nodes * width); }
  /// Those architectures, in that order. Throws Error for one that isn't there.
  Encoded rows(std::span<const size_t> which) const;
  /// [nodes, count, width]: mixing neighbours is one product then.
  std::vector<float> node_major() const;
};

/// FBNet's 22 blocks of nine choices: 132 numbers. Throws Error.
std::vector<float> encode_fbnet(std::span<const int> blocks, const std::string& where);
constexpr int fbnet_blocks = 22, fbnet_choices = 9, fbnet_skip = 8;

/// Once-for-all MobileNetV3: resolution, five depths, 20 kernel sizes, 20 expansions; 145 numbers.
/// What a depth leaves out is zero. Throws Error.
std::vector<float> encode_ofa(std::span<const int> numbers, const std::string& where);
constexpr int ofa_numbers = 46;

/// Nodes of a NAS-Bench-201 cell's graph: input, its six operators, output, and a global node that
/// reads all of them. [9, 8].
constexpr int64_t cell_nodes = 9, cell_width = 8;
std::vector<float> encode_cell(std::span<const int> operators, const std::string& where);
/// [9, 9]: what a node reads, itself included. All cells have the same edges, some without effect.
std::vector<float> cell_adjacency();

/// Multiply-accumulates of FBNet's network with those blocks at 224 x 224 (Wu et al., CVPR 2019,
/// table 1); a skip that changes shape is a 1 x 1 convolution.
double fbnet_macs(std::span<const int> blocks);

}  // namespace betimes::systems::help
