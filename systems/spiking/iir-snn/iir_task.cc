#include "systems/spiking/iir-snn/iir_task.h"

#include <algorithm>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "betimes/import/idx.h"

namespace betimes::systems::iir_snn {
namespace {

constexpr int64_t classes = 10;

/// The last `count` of the first images up to `end` (all: -1) as examples.
judge::Examples read_part(const std::string& folder, const std::string& stem, bool last,
                          int64_t most) {
  const std::string path = folder + "/" + stem + "-images-idx3-ubyte.gz";
  const Tensor images = import::read_idx(path);
  const Tensor labels = import::read_idx(folder + "/" + stem + "-labels-idx1-ubyte.gz");
  const Shape& shape = images.shape();
  if (images.dtype() != DType::u8 || labels.dtype() != DType::u8 || shape.size() != 3 ||
      labels.shape() != Shape{shape[0]} || images.size() == 0) {
    throw Error(path, "isn't images with as many labels");
  }
  const int64_t count = std::min(most, shape[0]);
  const int64_t first = last ? shape[0] - std::min(validation_size, shape[0]) : 0;
  const int64_t pixels = shape[1] * shape[2];
  judge::Examples examples;
  examples.inputs = Tensor(DType::f32, {count, 1, shape[1], shape[2]});
  std::ranges::transform(images.data<uint8_t>().subspan(static_cast<size_t>(first * pixels),
                                                        static_cast<size_t>(count * pixels)),
                         examples.inputs.mutable_data<float>().begin(),
                         [](uint8_t byte) { return static_cast<float>(byte) * (1.0f / 255.0f); });
  const auto part =
      labels.data<uint8_t>().subspan(static_cast<size_t>(first), static_cast<size_t>(count));
  examples.labels.assign(part.begin(), part.end());
  judge::check_labels(examples, classes);
  return examples;
}

}  // namespace

judge::Task fashion_task(const std::string& folder, int64_t most_validation, int64_t most_test) {
  judge::Task task;
  task.name = "Fashion-MNIST";
  task.validation = read_part(folder, "train", true, std::min(most_validation, validation_size));
  task.test = read_part(folder, "t10k", false, most_test);
  return task;
}

std::span<const float> example(const judge::Examples& examples, int64_t index) {
  const auto all = examples.inputs.data<float>();
  const size_t pixels = all.size() / static_cast<size_t>(examples.size());
  return all.subspan(static_cast<size_t>(index) * pixels, pixels);
}

std::vector<double> hits(Predictor& predictor, const judge::Examples& examples) {
  std::vector<double> scores;
  std::vector<float> logits(static_cast<size_t>(predictor.classes()));
  for (int64_t i = 0; i < examples.size(); ++i) {
    predictor.run(example(examples, i), logits);
    const auto best = std::ranges::max_element(logits) - logits.begin();
    scores.push_back(best == examples.labels[static_cast<size_t>(i)] ? 1 : 0);
  }
  return scores;
}

double accuracy(const Net& net, const judge::Examples& examples) {
  Predictor predictor(net, Path::packed);
  return mean(hits(predictor, examples));
}

}  // namespace betimes::systems::iir_snn
