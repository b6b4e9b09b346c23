#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/features.h"
#include "systems/hardware/preroutgnn/measures.h"
#include "systems/hardware/preroutgnn/model.h"
#include "systems/hardware/preroutgnn/partition.h"

namespace betimes::systems::preroutgnn {

/// A circuit, or a block of one, as tensors. C columns of times; N pins, numbered anew in a block.
/// Arrivals and cell delays are in Statistics::delay, slews and net delays as their logarithms.
struct GraphTensors {
  std::string name;
  int64_t pins = 0;               // N
  at::Tensor nodes, levels;       // f32 [N, 10], [N, 9]
  at::Tensor driver, sink;        // i64 [nets]
  at::Tensor wires;               // f32 [nets, 2]: dx, dy
  at::Tensor input, output, arc;  // i64 [arcs]
  // The auto-encoder's edges: nets, arcs, then both reversed.
  at::Tensor source, target;  // i64 [2 (nets + arcs)]
  at::Tensor edges;           // f32 [2 (nets + arcs), 12]
  at::Tensor state;           // f32 [N, 2 C]: true arrivals, then slews; with
                              // straight wires at level 0
  at::Tensor net_delay;       // f32 [nets, C]
  at::Tensor cell_delay;      // f32 [arcs, C]
  // What counts in a loss: the block's own.
  at::Tensor own_pins, own_nets, own_arcs;  // i64
  at::Tensor starts;                        // i64: pins of level 0, whose state is given

  /// What one level needs once the levels before are known.
  struct Step {
    bool net = false;
    at::Tensor edges;  // i64: nets or arcs that end here
  };
  std::vector<Step> steps;  // by level, from 1 on; levels without edges are left out
};
/// Of `block`'s pins; edges with an end outside are left out. Throws Error as check_circuit() does.
GraphTensors make_graph(const Circuit& circuit, const Block& block, std::span<const Arc> library,
                        const Statistics& statistics, const ModelOptions& options);
GraphTensors make_graph(const Circuit& circuit, std::span<const Arc> library,
                        const Statistics& statistics, const ModelOptions& options);

/// States and delays of the model back in ns. `net_delay` and `cell_delay` may be undefined.
Prediction restore(const at::Tensor& state, const at::Tensor& net_delay,
                   const at::Tensor& cell_delay, const Statistics& statistics,
                   const ModelOptions& options);

}  // namespace betimes::systems::preroutgnn
