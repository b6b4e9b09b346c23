#pragma once

#include "betimes/graph/recurrent.h"
#include "betimes/runtime/detail/kernel.h"

namespace betimes::runtime::recurrent {

using graph::Recurrence;

using enum graph::RecurrentInput;

/// The extents of a node and the places of its parts in packed memory.
struct Extents {
  Recurrence r;
  int64_t width = 1;    // of a vector
  int64_t panels = 1;   // of one direction
  int64_t padded = 1;   // hidden units in whole panels
  int64_t columns = 1;  // gates of all directions, padded
  int64_t rows = 1;     // steps x batch

  Extents(Recurrence recurrence, int64_t vector_width)
      : r(std::move(recurrence)),
        width(vector_width),
        panels((r.hidden + width - 1) / width),
        padded(panels * width),
        columns(r.directions * r.gates * padded),
        rows(r.steps * r.batch) {}

  bool halves() const { return r.gates == 3 && !r.linear_before_reset; }
  int64_t step_macs() const { return r.batch * r.gates * r.hidden * r.hidden; }
};

/// The weights of a node as the loops read them.
struct Packed {
  Weights projection;  // panels of all directions, where the loops multiply; else empty
  Weights bias;        // [columns]: the input's, and the recurrence's where it may be added early
  Weights recurrent;   // of each direction, panel after panel
  Weights candidate;   // GRU in two halves: the last gate's recurrences
  Weights candidate_bias;  // GRU with linear_before_reset: [directions, padded]
  Weights peepholes;       // [directions, 3, padded]
  Weights nothing;         // [padded]: h before the first step where none is given

  std::vector<Weights> all() const {
    return {projection, bias, recurrent, candidate, candidate_bias, peepholes, nothing};
  }
};

/// Packs constant weights into the candidate's store. The input's are left out where oneDNN
/// multiplies (`project` is false).
Packed pack(const Extents& extents, const Candidate& candidate, bool project);

/// The input's weights as a plain matrix [input, columns], in the panels' order of columns.
Tensor projection_matrix(const Extents& extents, const Candidate& candidate);

}  // namespace betimes::runtime::recurrent
