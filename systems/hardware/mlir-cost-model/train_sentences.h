#pragma once

#include <functional>
#include <string>
#include <vector>

#include "betimes/learn/loader.h"
#include "betimes/learn/training.h"
#include "systems/hardware/mlir-cost-model/dataset.h"
#include "systems/hardware/mlir-cost-model/split.h"
#include "systems/hardware/mlir-cost-model/tokens.h"
#include "systems/hardware/mlir-cost-model/train_model.h"

namespace betimes::systems::mlir_cost_model {

/// Sentences as token numbers with their targets, one example a variant of a graph.
struct Sentences {
  std::vector<std::vector<int64_t>> ids;
  at::Tensor targets;         // f32 [examples, 4], scaled()
  std::vector<size_t> graph;  // of the data set, of each
  int64_t truncated = 0, unknown = 0, tokens = 0;

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
};
Sentences make_sentences(const DataSet& data, const std::vector<size_t>& graphs, Tokens tokens,
                         const Vocabulary& vocabulary, int64_t length);
/// Of the graphs' sentences, one each.
Vocabulary make_vocabulary(const DataSet& data, const std::vector<size_t>& graphs, Tokens tokens);

/// [count, L] with L the longest of them, a multiple of 4, padded behind.
at::Tensor pad(const std::vector<std::vector<int64_t>>& ids, const at::Tensor& chosen);

/// forward() of sentences of different lengths: those of about equal length at a time, so that
/// little padding is computed. The order is the input's.
at::Tensor forward_by_length(SentenceModel& model, const at::Tensor& ids);

/// On the targets' scale, in evaluation mode: [examples, 4].
std::vector<Values> predict(SentenceModel& model, const Sentences& sentences);

struct SentenceTraining {
  int epochs = 30;
  int64_t batch = 64;
  double rate = 1e-3;
  int patience = 8;
  uint64_t seed = 1;
  std::string checkpoint;
  bool resume = false;
};
/// Adam on the mean squared error of the standardised targets; the score of an epoch is that error
/// on `validation`, negative. Sets the model's scale from the training set.
learn::Trained train_model(SentenceModel& model, const Sentences& training,
                           const Sentences& validation, const SentenceTraining& how,
                           const std::function<void(const learn::Epoch&)>& report);

/// A model with the vocabulary it was trained with.
struct Learned {
  SentenceModel model{nullptr};
  Vocabulary vocabulary;
  learn::Trained trained;
  int64_t length = 0;  // sentences were cut at
};
/// Trains from a split's training graphs; vocabulary and weights hang on them and the seed alone.
Learned learn_sentences(const DataSet& data, const Split& split, Reader reader, Tokens tokens,
                        const SentenceTraining& how,
                        const std::function<void(const learn::Epoch&)>& report);
/// The graph that is served, with what CostModel needs beside it.
graph::Graph served_graph(Learned& learned, Tokens tokens, uint64_t split_seed);

}  // namespace betimes::systems::mlir_cost_model
