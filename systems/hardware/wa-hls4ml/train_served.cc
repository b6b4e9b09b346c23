#include "systems/hardware/wa-hls4ml/train_served.h"

#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/learn/checkpoint.h"
#include "betimes/learn/image_dataset.h"
#include "betimes/learn/trace.h"
#include "systems/hardware/wa-hls4ml/served.h"
#include "systems/hardware/wa-hls4ml/workload.h"

namespace betimes::systems::wa_hls4ml {
namespace {

constexpr const char* fashion_folder = "/usr/share/datasets/fashion-mnist";

at::Tensor shrunk_images(const at::Tensor& bytes) {
  const at::Tensor scaled = (bytes.to(at::kFloat) / 255).contiguous();
  const std::vector<float> found =
      shrink({scaled.data_ptr<float>(), static_cast<size_t>(scaled.numel())});
  return at::tensor(found).view({-1, pixels});
}

/// Dense layers named "0", "1", ..., ReLU between them.
class Classifier : public torch::nn::Module {
 public:
  explicit Classifier(const std::vector<int64_t>& sizes) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      layers_.push_back(
          register_module(std::to_string(i), torch::nn::Linear(sizes[i], sizes[i + 1])));
    }
  }
  at::Tensor forward(at::Tensor x) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      if (i > 0) x = x.relu();
      x = layers_[i](x);
    }
    return x;
  }

 private:
  std::vector<torch::nn::Linear> layers_;
};

}  // namespace

graph::Graph costs_graph(Surrogate& surrogate) {
  auto* model = dynamic_cast<TransformerModel*>(&surrogate.model());
  if (model == nullptr) {
    throw Error(name(surrogate.options().kind), "can't be served", "a transformer");
  }
  const auto layers = static_cast<int64_t>(most_layers);
  const at::Tensor rows = at::randn({2, layers, static_cast<int64_t>(row_width)});
  at::Tensor valid = at::zeros({2, layers});
  valid.slice(1, 0, 3).fill_(1);
  const at::Tensor context = at::tensor({0.0f, 1.0f, 1.0f, 0.0f}).expand({2, 4}).contiguous();
  learn::TraceOptions options;
  options.name = "wa-hls4ml costs";
  options.inputs = {"rows", "valid", "context"};
  options.outputs = {"costs"};
  graph::Graph graph = learn::trace(
      *model,
      [&](const std::vector<at::Tensor>& in) {
        return std::vector<at::Tensor>{model->forward_rows(in[0], in[1], in[2])};
      },
      {rows, valid, context}, options);
  graph.metadata = format_stats(surrogate.features(), surrogate.labels());
  return graph;
}

graph::Graph success_graph(SuccessClassifier& classifier) {
  Model& model = classifier.model();
  learn::TraceOptions options;
  options.name = "wa-hls4ml success";
  options.inputs = {"averages"};
  options.outputs = {"logit"};
  graph::Graph graph = learn::trace(
      model,
      [&](const std::vector<at::Tensor>& in) {
        Networks networks;
        networks.averages = in[0];
        return std::vector<at::Tensor>{model.forward(networks)};
      },
      {at::randn({2, static_cast<int64_t>(average_width)})}, options);
  graph.metadata = format_stats(classifier.features());
  return graph;
}

std::map<std::string, Tensor> train_classifiers(
    const ClassifierTraining& how, const std::function<void(const std::string&)>& line) {
  const learn::ImageSplits all = learn::load_fashion_mnist(fashion_folder, 0);
  const int64_t count = std::min(how.images, all.train.size());
  const learn::TensorDataset data({shrunk_images(all.train.images.slice(0, 0, count))},
                                  all.train.labels.slice(0, 0, count));
  std::map<std::string, Tensor> found;
  for (const int64_t first : first_sizes()) {
    for (const int64_t second : second_sizes()) {
      torch::manual_seed(how.seed);
      Classifier model({pixels, first, second, classes});
      learn::Objective objective;
      objective.loss = [&](const learn::Batch& batch) {
        return at::cross_entropy_loss(model.forward(batch.inputs[0]), batch.targets);
      };
      learn::TrainingOptions options;
      options.epochs = how.epochs;
      options.seed = how.seed;
      options.batch = 128;
      options.optimizer.kind = learn::OptimizerOptions::Kind::adam;
      options.optimizer.rate = 3e-3;
      options.schedule = learn::cosine();
      double loss = 0;
      learn::train(model, data, objective, options,
                   [&](const learn::Epoch& epoch) { loss = epoch.loss; });
      line(
          fmt::format("classifier {}-{}-{}-{}: loss {:.3f}", pixels, first, second, classes, loss));
      learn::put_below(classifier_prefix(first, second), learn::module_tensors(model), found);
    }
  }
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
