#pragma once

#include <functional>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/learn/loader.h"
#include "betimes/learn/training.h"
#include "systems/recommend/sdim/longhist.h"
#include "systems/recommend/sdim/train_model.h"

namespace betimes::systems::sdim {

/// Samples with their histories. A row is a history with C samples: what a history costs is paid
/// once for all of them.
class HistoryDataset : public learn::Dataset {
 public:
  /// `histories` i64 [H, L]; of each row the history and the user, i64 [R]; items i64 [R, C],
  /// labels f32 [R, C].
  HistoryDataset(at::Tensor histories, at::Tensor history, at::Tensor users, at::Tensor items,
                 at::Tensor labels);
  int64_t size() const override { return labels_.size(0); }
  int64_t samples_per_row() const { return labels_.size(1); }
  /// Inputs: candidates [B, C], histories [B, L]; targets [B, C].
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override;
  /// Of all samples, row by row.
  at::Tensor labels() const { return labels_.flatten(); }
  at::Tensor users() const { return users_.repeat_interleave(samples_per_row()); }

 private:
  at::Tensor histories_, history_, users_, items_, labels_;
};

/// Samples `first` to `first + count` of what was made; a row a user where they go round all users
/// evenly, else a row a sample.
HistoryDataset dataset(const Longhist& made, int64_t first, int64_t count);

/// Probabilities of a dataset's samples, in evaluation mode.
std::vector<float> predict(CtrModel& model, const HistoryDataset& data);

struct CtrTraining {
  int epochs = 2;
  int64_t batch = 256;  // samples
  double rate = 3e-3;
  uint64_t seed = 1;
  std::string checkpoint;
  bool resume = false;
};
/// The items' categories for ModelOptions: their topics.
std::vector<int64_t> categories(const Longhist& made);

/// Trains with cross-entropy; the score of an epoch is the AUC on `validation`.
learn::Trained train_model(CtrModel& model, const HistoryDataset& training,
                           const HistoryDataset& validation, const CtrTraining& how,
                           const std::function<void(const learn::Epoch&)>& report);

/// The graphs that are served, with merge_categories(): from a long interest, and from the history
/// (of `length` items).
graph::Graph sampled_graph(CtrModel& model, const ModelOptions& options);
graph::Graph history_graph(CtrModel& model, int64_t length);

}  // namespace betimes::systems::sdim
