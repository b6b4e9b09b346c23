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
  Tensor projection;  // panels of all directions, where the loops multiply; else empty
  Tensor bias;        // [columns]: the input's, and the recurrence's where it may be added early
  Tensor recurrent;   // of each direction, panel after panel
  Tensor candidate;   // GRU in two halves: the last gate's recurrences
  Tensor candidate_bias;  // GRU with linear_before_reset: [directions, padded]
  Tensor peepholes;       // [directions, 3, padded]
  Tensor nothing;         // [padded]: h before the first step where none is given

  size_t bytes() const {
    size_t sum = 0;
    for (const Tensor* each :
         {&projection, &bias, &recurrent, &candidate, &candidate_bias, &peepholes, &nothing}) {
      sum += each->bytes();
    }
    return sum;
  }
};

/// Packs constant weights. The input's are left out where oneDNN multiplies (`project` is false).
Packed pack(const Extents& extents, const Candidate& candidate, bool project);

/// The input's weights as a plain matrix [input, columns], in the panels' order of columns.
Tensor projection_matrix(const Extents& extents, const Candidate& candidate);

inline float* data(Tensor& tensor) { return tensor.mutable_data<float>().data(); }
inline const float* data(const Tensor& tensor) { return tensor.data<float>().data(); }

}  // namespace betimes::runtime::recurrent
