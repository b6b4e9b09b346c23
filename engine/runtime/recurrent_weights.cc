#include "betimes/runtime/detail/recurrent_weights.h"

#include <algorithm>

namespace betimes::runtime::recurrent {
namespace {

Tensor zeros(int64_t count) { return {DType::f32, {count}}; }

float* data(Tensor& tensor) { return tensor.mutable_data<float>().data(); }
const float* data(const Tensor& tensor) { return tensor.data<float>().data(); }

/// Calls put(column, row) for the gates [first, last) of every hidden unit of one direction: where
/// a row of ONNX's weights goes among the columns of panels that hold these gates.
template <class Put>
void over_columns(const Extents& e, int64_t first, int64_t last, const Put& put) {
  for (int64_t unit = 0; unit < e.r.hidden; ++unit) {
    for (int64_t gate = first; gate < last; ++gate) {
      const int64_t vector = unit / e.width * (last - first) + gate - first;
      put(vector * e.width + unit % e.width, gate * e.r.hidden + unit);
    }
  }
}

/// Packs the rows [gates x hidden, inner] of ONNX's weights into panels that hold the gates
/// [first, last).
void pack_panels(const Extents& e, const float* from, int64_t inner, int64_t first, int64_t last,
                 float* to) {
  const int64_t wide = (last - first) * e.width;
  over_columns(e, first, last, [&](int64_t column, int64_t row) {
    float* out = to + column / wide * inner * wide + column % wide;
    for (int64_t k = 0; k < inner; ++k) out[k * wide] = from[row * inner + k];
  });
}

void pack_bias(const Extents& e, const Candidate& candidate, Packed& packed) {
  Tensor bias = zeros(e.columns);
  Tensor candidate_bias = zeros(e.r.directions * e.padded);
  const Tensor* given = candidate.constant(biases);
  const int64_t all = e.r.gates * e.r.hidden;
  const bool late = e.r.gates == 3 && e.r.linear_before_reset;
  for (int64_t d = 0; given && d < e.r.directions; ++d) {
    const float* from = data(*given) + d * 2 * all;
    float* to = data(bias) + d * e.r.gates * e.padded;
    over_columns(e, 0, e.r.gates, [&](int64_t column, int64_t row) {
      const bool apart = late && row >= 2 * e.r.hidden;
      to[column] = from[row] + (apart ? 0.0f : from[all + row]);
    });
    if (late) {
      std::copy_n(from + all + 2 * e.r.hidden, e.r.hidden, data(candidate_bias) + d * e.padded);
    }
  }
  packed.bias = candidate.store.share(std::move(bias));
  packed.candidate_bias = candidate.store.share(std::move(candidate_bias));
}

}  // namespace

Packed pack(const Extents& e, const Candidate& candidate, bool project) {
  const Recurrence& r = e.r;
  const int64_t all = r.gates * r.hidden;
  const int64_t early = e.halves() ? 2 : r.gates;
  const float* w = data(*candidate.constant(weights));
  const float* u = data(*candidate.constant(recurrences));
  Tensor projection = zeros(project ? r.input * e.columns : 0);
  Tensor recurrent = zeros(r.directions * early * e.padded * r.hidden);
  Tensor last_gate = zeros(e.halves() ? r.directions * e.padded * r.hidden : 0);
  Tensor peepholes = zeros(r.directions * 3 * e.padded);
  for (int64_t d = 0; d < r.directions; ++d) {
    if (project) {
      pack_panels(e, w + d * all * r.input, r.input, 0, r.gates,
                  data(projection) + d * r.gates * e.padded * r.input);
    }
    const float* from = u + d * all * r.hidden;
    pack_panels(e, from, r.hidden, 0, early, data(recurrent) + d * early * e.padded * r.hidden);
    if (e.halves()) {
      pack_panels(e, from, r.hidden, 2, 3, data(last_gate) + d * e.padded * r.hidden);
    }
    for (int64_t part = 0; candidate.context.present(peephole) && part < 3; ++part) {
      std::copy_n(data(*candidate.constant(peephole)) + (d * 3 + part) * r.hidden, r.hidden,
                  data(peepholes) + (d * 3 + part) * e.padded);
    }
  }
  WeightStore& store = candidate.store;
  Packed packed;
  packed.projection = store.share(std::move(projection));
  packed.recurrent = store.share(std::move(recurrent));
  packed.candidate = store.share(std::move(last_gate));
  packed.peepholes = store.share(std::move(peepholes));
  packed.nothing = store.share(zeros(e.padded));
  pack_bias(e, candidate, packed);
  return packed;
}

Tensor projection_matrix(const Extents& e, const Candidate& candidate) {
  Tensor matrix = zeros(e.r.input * e.columns);
  for (int64_t d = 0; d < e.r.directions; ++d) {
    const float* from = data(*candidate.constant(weights)) + d * e.r.gates * e.r.hidden * e.r.input;
    float* to = data(matrix) + d * e.r.gates * e.padded;
    over_columns(e, 0, e.r.gates, [&](int64_t column, int64_t row) {
      for (int64_t k = 0; k < e.r.input; ++k)
        to[k * e.columns + column] = from[row * e.r.input + k];
    });
  }
  return matrix;
}

}  // namespace betimes::runtime::recurrent
