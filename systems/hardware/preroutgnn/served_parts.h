#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "systems/hardware/preroutgnn/dense.h"
#include "systems/hardware/preroutgnn/features.h"
#include "systems/hardware/preroutgnn/model.h"
#include "systems/hardware/preroutgnn/reading.h"
#include "systems/hardware/preroutgnn/served.h"

// What the served predictor is put together from.

namespace betimes::systems::preroutgnn {

/// Rows of numbers.
struct NumberRows {
  NumberRows() = default;
  NumberRows(size_t count, int64_t columns)
      : width(columns), values(count * static_cast<size_t>(columns), 0.0f) {}
  float* at(size_t row) { return values.data() + row * static_cast<size_t>(width); }
  const float* at(size_t row) const { return values.data() + row * static_cast<size_t>(width); }
  size_t bytes() const { return values.size() * sizeof(float); }

  int64_t width = 0;
  std::vector<float> values;
};

using Weights = std::map<std::string, Tensor>;

/// What is known of pins before anything is propagated: features, levels, latent numbers and the
/// circuit's mean of them, and what NetConv makes of those.
class ServedFeatures {
 public:
  ServedFeatures(const Weights& weights, const std::string& where, const ModelOptions& options,
                 const Statistics& statistics, std::span<const Arc> library, int threads);
  NumberRows run(const Circuit& circuit);
  size_t memory_bytes() const;

 private:
  struct CodeLayer {
    Dense message, update;
  };
  struct Convolution {
    Dense to_sink, to_driver, update;
  };
  NumberRows code(const Circuit& circuit, const NumberRows& nodes);
  NumberRows code_layer(const Circuit& circuit, const NumberRows& nodes, CodeLayer& layer);
  void convolve(const Circuit& circuit, NumberRows& pins, Convolution& layer);

  ModelOptions options_;
  Statistics statistics_;
  std::vector<EdgeFeatures> arcs_;  // of the library
  std::vector<CodeLayer> encoder_;
  std::vector<Dense> stem_;  // one
  std::vector<Convolution> convolutions_;
  size_t working_bytes_ = 0;
};

/// The tables' reading folded into linear layers around it: from the query's last hidden layer to
/// one score a table and head, and from what each head reads to the message's first layer.
struct FoldedReading {
  Linears query;        // ends with [tables * heads] scores
  Linear into_message;  // [hidden, tables * heads]; its bias is what the message's layer adds
};
/// `message`: the message's first layer, whose inputs from `first` on are the reading's.
FoldedReading fold_attention(const Weights& weights, const std::string& where,
                             const ModelOptions& options, const Linear& message, int64_t first);

/// A step's network, split: what hangs on pins alone can be prepared for many levels at once.
struct ServedStep {
  Dense prepare;  // [f_u, f_v] -> sums of the first layer
  Dense rest;     // [state ...] and these sums -> the answer
};

/// The whole model, ready to run.
struct ServedModel {
  ServedModel(const std::string& path, std::span<const Arc> library,
              const ServedPredictor::Settings& settings);
  ServedModel(const std::string& path, const Weights& weights,
              const std::map<std::string, std::string>& metadata, std::span<const Arc> library,
              const ServedPredictor::Settings& settings);
  size_t memory_bytes() const;

  ModelOptions options;
  Statistics statistics;
  ServedPredictor::Settings settings;
  TableEntries entries;
  std::vector<float> means;  // [arcs, tables]
  int64_t columns, known_width, read_width = 0;
  ServedFeatures features;
  // One of each; query only where tables are attended to.
  std::vector<Dense> net_delay, update;
  std::vector<ServedStep> net, query, cell;
  size_t working_bytes = 0;

 private:
  ServedStep split(const Linears& layers, int64_t state, int64_t both,
                   const std::string& path) const;
};

/// One circuit through all levels.
Prediction run_levels(ServedModel& model, const Circuit& circuit);

}  // namespace betimes::systems::preroutgnn
