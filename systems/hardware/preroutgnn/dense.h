#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/runtime/session.h"
#include "betimes/runtime/weight_store.h"
#include "betimes/tensor/tensor.h"

namespace betimes::systems::preroutgnn {

/// A linear layer: weight f32 [out, in], bias f32 [out].
struct Linear {
  Tensor weight, bias;
  int64_t in() const { return weight.shape()[1]; }
  int64_t out() const { return weight.shape()[0]; }
};
using Linears = std::vector<Linear>;

/// The layers "<prefix>0.weight", "<prefix>0.bias", "<prefix>1.weight", ... Throws Error naming
/// `where` and the tensor for none, and for shapes that don't follow each other.
Linears find_linears(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                     const std::string& where);
/// Inputs first..last-1 of a layer, with its bias or with zeros.
Linear input_part(const Linear& layer, int64_t first, int64_t last, bool bias);

/// Layers with LeakyReLU between them on the runtime, for any number of rows: plans for 8 to 512
/// rows are made when first needed and share their weights.
class Dense {
 public:
  /// `prepared`: the first layer's sums have an addend, one row of first.out() numbers each.
  Dense(Linears layers, bool prepared, int threads);

  int64_t in() const { return layers_.front().in(); }
  int64_t out() const { return layers_.back().out(); }
  int64_t prepared() const { return prepared_ ? layers_.front().out() : 0; }
  size_t memory_bytes() const;

  /// Row by row: `gather(row, x, addend)` writes inputs (addend is null unless prepared),
  /// `scatter(row, y)` gets outputs. All rows of a chunk are gathered before any is scattered.
  template <class Gather, class Scatter>
  void run(int64_t rows, const Gather& gather, const Scatter& scatter) {
    for (int64_t first = 0; first < rows;) {
      const int64_t size = rows_of_plan(rows - first);
      runtime::Session& session = session_of(size);
      const int64_t count = std::min(size, rows - first);
      auto* x = session.inputs()[0].as<float>();
      float* addend = prepared_ ? session.inputs()[1].as<float>() : nullptr;
      for (int64_t i = 0; i < count; ++i) {
        gather(first + i, x + i * in(), addend == nullptr ? nullptr : addend + i * prepared());
      }
      session.run();
      const float* y = session.outputs()[0].as<float>();
      for (int64_t i = 0; i < count; ++i) scatter(first + i, y + i * out());
      first += count;
    }
  }

 private:
  static int64_t rows_of_plan(int64_t left);
  runtime::Session& session_of(int64_t rows);

  Linears layers_;
  bool prepared_;
  int threads_;
  std::shared_ptr<runtime::WeightStore> store_;
  std::map<int64_t, runtime::Session> sessions_;
};

}  // namespace betimes::systems::preroutgnn
