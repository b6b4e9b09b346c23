#include "apps/betimes/default_model.h"

#include <filesystem>
#include <span>

#include "betimes/base/error.h"
#include "betimes/import/idx.h"
#include "betimes/import/onnx.h"
#include "embedded/default_model.h"

namespace betimes::cli {
namespace {

constexpr int64_t calibration_examples = 512;
constexpr int64_t validation_examples = 2000;

/// Fashion-MNIST's pixels as the model wants them: float in [0, 1], one channel.
judge::Examples load_part(const std::string& stem) {
  const std::string folder = "/usr/share/datasets/fashion-mnist/";
  const std::string images = folder + stem + "-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(images)) {
    throw Error(images, "isn't there", "the data of Debian's package dataset-fashion-mnist");
  }
  const Tensor pixels = import::read_idx(images);
  const Tensor labels = import::read_idx(folder + stem + "-labels-idx1-ubyte.gz").cast(DType::i64);
  Shape shape = pixels.shape();
  shape.insert(shape.begin() + 1, 1);
  judge::Examples part;
  part.inputs = pixels.cast(DType::f32).reshaped(shape);
  for (float& value : part.inputs.mutable_data<float>()) value /= 255.0f;
  part.labels.assign(labels.data<int64_t>().begin(), labels.data<int64_t>().end());
  if (part.labels.size() != static_cast<size_t>(part.size())) {
    throw Error(folder, "has " + std::to_string(part.labels.size()) + " labels for " +
                            std::to_string(part.size()) + " images of " + stem);
  }
  return part;
}

}  // namespace

graph::Graph load_model(const std::string& path) {
  if (!path.empty()) return import::read_onnx(path);
  const std::string_view bytes = embedded::default_model();
  return import::parse_onnx(std::as_bytes(std::span(bytes)), default_model_name);
}

size_t model_bytes(const std::string& path) {
  return path.empty() ? embedded::default_model().size() : std::filesystem::file_size(path);
}

std::string model_name(const std::string& path) {
  return path.empty() ? default_model_name : std::filesystem::path(path).filename().string();
}

judge::Task default_task() {
  const judge::Examples train = load_part("train");
  judge::Task task;
  task.name = "Fashion-MNIST: 512 to calibrate, 2,000 to choose, 10,000 to test";
  task.calibration = train.slice(0, calibration_examples);
  task.validation = train.slice(train.size() - validation_examples, validation_examples);
  task.test = load_part("t10k");
  return task;
}

}  // namespace betimes::cli
