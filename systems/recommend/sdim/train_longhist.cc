#include "systems/recommend/sdim/train_longhist.h"

#include "betimes/learn/trace.h"
#include "systems/recommend/common/ranking.h"

namespace betimes::systems::sdim {
namespace {

std::vector<float> to_vector(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.to(at::kFloat).contiguous();
  return {dense.data_ptr<float>(), dense.data_ptr<float>() + dense.numel()};
}

}  // namespace

HistoryDataset::HistoryDataset(at::Tensor histories, at::Tensor history, at::Tensor users,
                               at::Tensor items, at::Tensor labels)
    : histories_(std::move(histories)),
      history_(std::move(history)),
      users_(std::move(users)),
      items_(std::move(items)),
      labels_(std::move(labels)) {}

learn::Batch HistoryDataset::get(const at::Tensor& chosen, std::mt19937_64&) const {
  return {{items_.index_select(0, chosen),
           histories_.index_select(0, history_.index_select(0, chosen))},
          labels_.index_select(0, chosen)};
}

HistoryDataset dataset(const Longhist& made, int64_t first, int64_t count) {
  const auto users = static_cast<int64_t>(made.histories.size());
  const auto length = static_cast<int64_t>(made.histories[0].size());
  const at::Tensor histories = at::empty({users, length}, at::kLong);
  auto* history = histories.data_ptr<int64_t>();
  for (const auto& items : made.histories) history = std::copy(items.begin(), items.end(), history);
  const int64_t rows = count % users == 0 ? users : count, columns = count / rows;
  const at::Tensor user = at::empty({rows}, at::kLong);
  const at::Tensor item = at::empty({rows, columns}, at::kLong);
  const at::Tensor label = at::empty({rows, columns}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    const Longhist::Sample& sample = made.samples[static_cast<size_t>(first + i)];
    const int64_t row = i % rows, at = row * columns + i / rows;
    user.data_ptr<int64_t>()[row] = sample.user;
    item.data_ptr<int64_t>()[at] = sample.item;
    label.data_ptr<float>()[at] = sample.label;
  }
  return {histories, user, user, item, label};
}

std::vector<int64_t> categories(const Longhist& made) {
  return {made.item_topic.begin(), made.item_topic.end()};
}

std::vector<float> predict(CtrModel& model, const HistoryDataset& data) {
  const torch::NoGradGuard no_gradient;
  model->eval();
  std::vector<float> all;
  learn::Loader(data, {128, 1, false, false}).epoch(1, [&](const learn::Batch& batch) {
    const at::Tensor logits = model->forward(batch.inputs[0], batch.inputs[1]);
    const std::vector<float> found = to_vector(logits.sigmoid());
    all.insert(all.end(), found.begin(), found.end());
  });
  return all;
}

learn::Trained train_model(CtrModel& model, const HistoryDataset& training,
                           const HistoryDataset& validation, const CtrTraining& how,
                           const std::function<void(const learn::Epoch&)>& report) {
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.batch = std::max<int64_t>(1, how.batch / training.samples_per_row());
  options.seed = how.seed;
  options.optimizer.kind = learn::OptimizerOptions::Kind::adam;
  options.optimizer.rate = how.rate;
  options.schedule = learn::cosine(0.05, 0.05, 0.02);
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  const std::vector<float> labels = to_vector(validation.labels());
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    return torch::binary_cross_entropy_with_logits(model->forward(batch.inputs[0], batch.inputs[1]),
                                                   batch.targets);
  };
  objective.score = [&] { return recommend::auc(predict(model, validation), labels); };
  return learn::train(*model, training, objective, options, report);
}

graph::Graph sampled_graph(CtrModel& model, const ModelOptions& options) {
  model->merge_categories();
  const learn::Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{model->score(inputs[0], inputs[1], inputs[2])};
  };
  const int64_t candidates = 3;
  learn::TraceOptions how;
  how.name = "sdim-sampled";
  how.batch = "C";
  how.batch_axes = {1, 1, -1};
  how.inputs = {"candidates", "long_interest", "recent"};
  how.outputs = {"logits"};
  return learn::trace(
      *model, forward,
      {at::arange(candidates).unsqueeze(0), at::rand({1, candidates, options.width}),
       at::arange(options.recent).unsqueeze(0)},
      how);
}

graph::Graph history_graph(CtrModel& model, int64_t length) {
  model->merge_categories();
  const learn::Forward forward = [&](const std::vector<at::Tensor>& inputs) {
    return std::vector<at::Tensor>{model->forward(inputs[0], inputs[1])};
  };
  learn::TraceOptions how;
  how.name = "sdim-history";
  how.batch = "C";
  how.batch_axes = {1, -1};
  how.inputs = {"candidates", "history"};
  how.outputs = {"logits"};
  return learn::trace(
      *model, forward,
      {at::arange(3).unsqueeze(0), at::arange(length).remainder(model->items()).unsqueeze(0)}, how);
}

}  // namespace betimes::systems::sdim
