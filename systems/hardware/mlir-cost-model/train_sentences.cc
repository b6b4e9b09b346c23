#include "systems/hardware/mlir-cost-model/train_sentences.h"

#include <fmt/format.h>

#include <algorithm>

#include "betimes/base/error.h"
#include "systems/hardware/mlir-cost-model/served.h"

namespace betimes::systems::mlir_cost_model {
namespace {

class SentenceDataset : public learn::Dataset {
 public:
  SentenceDataset(const Sentences& sentences, at::Tensor targets)
      : sentences_(sentences), targets_(std::move(targets)) {}
  int64_t size() const override { return sentences_.size(); }
  learn::Batch get(const at::Tensor& chosen, std::mt19937_64&) const override {
    return {{pad(sentences_.ids, chosen)}, targets_.index_select(0, chosen)};
  }

 private:
  const Sentences& sentences_;
  at::Tensor targets_;
};

at::Tensor lengths_of(const at::Tensor& ids) { return ids.ne(Vocabulary::pad).sum({1}); }

}  // namespace

Sentences make_sentences(const DataSet& data, const std::vector<size_t>& graphs, Tokens tokens,
                         const Vocabulary& vocabulary, int64_t length) {
  Sentences found;
  std::vector<float> targets;
  for (const size_t i : graphs) {
    const Graph& graph = data.graphs.at(i);
    for (const Variant& variant : graph.variants) {
      Encoded encoded =
          vocabulary.encode(tokenise(graph.function, variant.schedule, tokens), length);
      found.tokens += static_cast<int64_t>(encoded.ids.size());
      found.unknown += encoded.unknown;
      found.truncated += encoded.truncated;
      found.ids.push_back(std::move(encoded.ids));
      found.graph.push_back(i);
      for (const double value : scaled(variant.labels))
        targets.push_back(static_cast<float>(value));
    }
  }
  if (found.ids.empty()) throw Error("sentences", "are none");
  found.targets = at::tensor(targets).reshape({found.size(), static_cast<int64_t>(target_count)});
  return found;
}

Vocabulary make_vocabulary(const DataSet& data, const std::vector<size_t>& graphs, Tokens tokens) {
  std::vector<std::vector<std::string>> sentences;
  for (const size_t i : graphs) {
    sentences.push_back(tokenise(data.graphs.at(i).function, {}, tokens));
  }
  // A sentence has one schedule, but every schedule is known.
  for (const Schedule& schedule : all_schedules()) {
    for (int twice = 0; twice < 2; ++twice) {
      sentences.push_back(tokenise(Function(), schedule, tokens));
    }
  }
  return Vocabulary(sentences);
}

at::Tensor pad(const std::vector<std::vector<int64_t>>& ids, const at::Tensor& chosen) {
  const at::Tensor which = chosen.contiguous();
  const int64_t* const rows = which.data_ptr<int64_t>();
  const int64_t count = which.numel();
  size_t longest = 1;
  for (int64_t i = 0; i < count; ++i) {
    longest = std::max(longest, ids.at(static_cast<size_t>(rows[i])).size());
  }
  const int64_t length = (static_cast<int64_t>(longest) + 3) / 4 * 4;
  at::Tensor padded = at::full({count, length}, Vocabulary::pad, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t>& row = ids[static_cast<size_t>(rows[i])];
    std::copy(row.begin(), row.end(), padded.data_ptr<int64_t>() + i * length);
  }
  return padded;
}

at::Tensor forward_by_length(SentenceModel& model, const at::Tensor& ids) {
  constexpr int64_t together = 16;
  if (ids.size(0) <= together) return model->forward(ids);
  const at::Tensor lengths = lengths_of(ids);
  const at::Tensor order = lengths.argsort();
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < ids.size(0); begin += together) {
    const at::Tensor chosen = order.slice(0, begin, begin + together);
    const int64_t longest = lengths.index_select(0, chosen).max().item<int64_t>();
    parts.push_back(model->forward(ids.index_select(0, chosen).slice(1, 0, (longest + 3) / 4 * 4)));
  }
  return at::cat(parts, 0).index_select(0, order.argsort());
}

std::vector<Values> predict(SentenceModel& model, const Sentences& sentences) {
  const torch::NoGradGuard no_gradient;
  model->eval();
  std::vector<Values> found;
  constexpr int64_t batch = 256;
  const at::Tensor all = at::arange(sentences.size());
  for (int64_t begin = 0; begin < sentences.size(); begin += batch) {
    const at::Tensor standard =
        forward_by_length(model, pad(sentences.ids, all.slice(0, begin, begin + batch)));
    const at::Tensor values = model->rescale(standard).to(at::kDouble).contiguous();
    const double* data = values.data_ptr<double>();
    for (int64_t i = 0; i < values.size(0); ++i, data += target_count) {
      std::copy_n(data, target_count, found.emplace_back().begin());
    }
  }
  return found;
}

learn::Trained train_model(SentenceModel& model, const Sentences& training,
                           const Sentences& validation, const SentenceTraining& how,
                           const std::function<void(const learn::Epoch&)>& report) {
  const at::Tensor means = training.targets.mean(0);
  const at::Tensor deviations = training.targets.std(0, false).clamp_min(1e-6);
  model->set_scale(means, deviations);
  const SentenceDataset dataset(training, (training.targets - means) / deviations);
  const at::Tensor truth = (validation.targets - means) / deviations;
  const at::Tensor all = at::arange(validation.size());
  learn::TrainingOptions options;
  options.epochs = how.epochs;
  options.batch = how.batch;
  options.seed = how.seed;
  options.patience = how.patience;
  options.clip_norm = 5;
  options.optimizer.kind = learn::OptimizerOptions::Kind::adam;
  options.optimizer.rate = how.rate;
  options.schedule = learn::cosine(0.02, 0.1, 0.02);
  options.checkpoint = how.checkpoint;
  options.resume = how.resume;
  learn::Objective objective;
  objective.loss = [&](const learn::Batch& batch) {
    return torch::mse_loss(forward_by_length(model, batch.inputs[0]), batch.targets);
  };
  objective.score = [&] {
    const at::Tensor found = forward_by_length(model, pad(validation.ids, all));
    return -torch::mse_loss(found, truth).item<double>();
  };
  return learn::train(*model, dataset, objective, options, report);
}

Learned learn_sentences(const DataSet& data, const Split& split, Reader reader, Tokens tokens,
                        const SentenceTraining& how,
                        const std::function<void(const learn::Epoch&)>& report) {
  Learned found{SentenceModel(nullptr),
                make_vocabulary(data, split.training, tokens),
                {},
                standard_length(tokens)};
  ModelOptions options;
  options.reader = reader;
  options.vocabulary = found.vocabulary.size();
  torch::manual_seed(how.seed);
  found.model = SentenceModel(options);
  const auto part = [&](const std::vector<size_t>& graphs) {
    return make_sentences(data, graphs, tokens, found.vocabulary, found.length);
  };
  found.trained =
      train_model(found.model, part(split.training), part(split.validation), how, report);
  return found;
}

graph::Graph served_graph(Learned& learned, Tokens tokens, uint64_t split_seed) {
  graph::Graph graph = model_graph(learned.model);
  graph.metadata = model_metadata(tokens, learned.vocabulary, split_seed);
  graph.metadata["model"] =
      fmt::format("mlir-cost-model: {}", name(learned.model->options().reader));
  return graph;
}

}  // namespace betimes::systems::mlir_cost_model
