#pragma once

#include <cstdint>
#include <vector>

#include "betimes/graph/activation.h"
#include "betimes/graph/recurrent.h"

namespace betimes::runtime {

/// A matrix [inner, columns] cut into panels of `vectors` x PanelLoops::width adjacent columns. A
/// panel's rows follow one another, so that a product streams the weights in the order they lie in;
/// columns beyond the last are zero. `weights` is aligned to 64 bytes.
struct Panels {
  const float* weights = nullptr;
  int64_t inner = 0;
  int64_t vectors = 1;  // 1 to 4
};

/// out[row, column] = activation(in[row, ...] panels + bias[column]).
struct PanelProduct {
  Panels panels;
  int64_t rows = 0;
  int64_t columns = 0;  // beyond which nothing is written
  const float* in = nullptr;
  int64_t in_stride = 0;
  const float* bias = nullptr;  // null: none; padded to whole panels
  float* out = nullptr;
  int64_t out_stride = 0;
  graph::Activation activation;
};

/// One step of a recurrence, for all sequences of the batch. A panel holds all gates of `width`
/// hidden units, a vector a gate, so that who has its sums can update its cells. "Padded" means: up
/// to whole panels.
struct RecurrentStep {
  Panels recurrences;
  int64_t batch = 0;
  int64_t hidden = 0;
  int64_t padded = 0;
  const float* h = nullptr;  // before the step: [batch, hidden]
  int64_t h_stride = 0;
  float* out = nullptr;  // h after it
  int64_t out_stride = 0;
  float* projected = nullptr;  // the input's share and the biases, panel after panel; used up
  int64_t projected_stride = 0;
  const float* peepholes = nullptr;       // LSTM: in, out, forget, each padded; null: none
  float* c = nullptr;                     // LSTM: [batch, padded]
  float* kept = nullptr;                  // GRU: [batch, padded], of no value between steps
  const float* candidate_bias = nullptr;  // GRU with linear_before_reset: padded
  Panels candidate;                       // GRU without it: the third gate's weights, alone
  const graph::RecurrentFunction* functions = nullptr;
  float clip = 0;  // 0: none
  bool input_forget = false;
};

/// Products with packed weights, compiled once for each instruction-set level (panels.inl). All
/// work on panels [panel, end), and different panels may be worked on at the same time.
struct PanelLoops {
  const char* level;
  int64_t width;  // floats in a vector
  int64_t rows;   // of the input, that share a load of the weights
  void (*product)(const PanelProduct& product, int64_t panel, int64_t end);
  void (*rnn)(const RecurrentStep& step, int64_t panel, int64_t end);
  void (*lstm)(const RecurrentStep& step, int64_t panel, int64_t end);
  void (*gru_linear_before_reset)(const RecurrentStep& step, int64_t panel, int64_t end);
  /// Without linear_before_reset a step has two halves; the second reads all that the first wrote.
  void (*gru_gates)(const RecurrentStep& step, int64_t panel, int64_t end);
  void (*gru_candidate)(const RecurrentStep& step, int64_t panel, int64_t end);
};

/// The loops of the active level.
const PanelLoops& panel_loops();
/// Of each level this processor has, lowest first: what tests compare.
std::vector<const PanelLoops*> all_panel_loops();

}  // namespace betimes::runtime
