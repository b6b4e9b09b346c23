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

/// Samples whose histories are looked up by user.
class HistoryDataset : public learn::Dataset {
 public:
  /// `histories` i64 [users, L]; users and items i64 [N], labels f32 [N].
  HistoryDataset(at::Tensor histories, at::Tensor users, at::Tensor items, at::Tensor labels);
  int64_t size() const override { return labels_.size(0); }
  /// Inputs: candidates [B, 1], histories [B, L]; targets [B].
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64& random) const override;
  const at::Tensor& labels() const { return labels_; }
  const at::Tensor& users() const { return users_; }

 private:
  at::Tensor histories_, users_, items_, labels_;
};

/// Samples `first` to `first + count` of what was made.
HistoryDataset dataset(const Longhist& made, int64_t first, int64_t count);

/// Probabilities of a dataset's samples, in evaluation mode.
std::vector<float> predict(CtrModel& model, const HistoryDataset& data);

struct CtrTraining {
  int epochs = 2;
  int64_t batch = 256;
  double rate = 3e-3;
  uint64_t seed = 1;
  std::string checkpoint;
  bool resume = false;
};
/// Trains with cross-entropy; the score of an epoch is the AUC on `validation`.
learn::Trained train_model(CtrModel& model, const HistoryDataset& training,
                           const HistoryDataset& validation, const CtrTraining& how,
                           const std::function<void(const learn::Epoch&)>& report);

/// The graphs that are served: from a long interest, and from the history (of `length` items).
graph::Graph sampled_graph(CtrModel& model, const ModelOptions& options);
graph::Graph history_graph(CtrModel& model, int64_t length);

}  // namespace betimes::systems::sdim
