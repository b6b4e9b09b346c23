#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/operator.h"

namespace betimes::graph {

/// Inputs of RNN, GRU and LSTM.
enum RecurrentInput : size_t {
  values,
  weights,
  recurrences,
  biases,
  lengths,
  initial_h,
  initial_c,
  peephole
};

/// An activation of ONNX's recurrent operators; alpha and beta mean what ONNX says of that name.
struct RecurrentFunction {
  enum class Kind : uint8_t {
    relu,
    tanh,
    sigmoid,
    affine,
    leaky_relu,
    thresholded_relu,
    scaled_tanh,
    hard_sigmoid,
    elu,
    softsign,
    softplus,
  };
  Kind kind = Kind::tanh;
  float alpha = 0;
  float beta = 0;
};

/// What RNN, GRU and LSTM share: extents, direction, and where elements lie.
struct Recurrence {
  int64_t steps = 0, batch = 0, input = 0, hidden = 0;
  int64_t directions = 1;
  int64_t gates = 1;  // RNN: 1; GRU: 3 (update, reset, candidate); LSTM: 4 (in, out, forget, cell)
  bool reverse = false;                      // the only direction runs backwards
  bool batch_first = false;                  // ONNX's layout 1
  float clip = 0;                            // of what the activations read; 0: none
  bool linear_before_reset = false;          // GRU
  bool input_forget = false;                 // LSTM: the forget gate is 1 - the input gate
  std::vector<RecurrentFunction> functions;  // of each direction

  int64_t input_offset(int64_t step, int64_t b) const {
    return (batch_first ? b * steps + step : step * batch + b) * input;
  }
  int64_t output_offset(int64_t step, int64_t direction, int64_t b) const {
    return (batch_first ? (b * steps + step) * directions + direction
                        : (step * directions + direction) * batch + b) *
           hidden;
  }
  int64_t state_offset(int64_t direction, int64_t b) const {
    return (batch_first ? b * directions + direction : direction * batch + b) * hidden;
  }
};

/// Throws Error naming the node where its attributes and the ranks of its inputs make no sense.
Recurrence recurrence_of(const NodeContext& context);

}  // namespace betimes::graph
