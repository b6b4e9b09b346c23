// Trains the project's own models and writes them as ONNX: betimes-train MODEL [options].
#include <torch/utils.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"
#include "betimes/learn/classifier_training.h"
#include "betimes/learn/models/fashion_classifier.h"
#include "betimes/learn/trace.h"
#include "betimes/runtime/session.h"

namespace betimes {
namespace {

constexpr int bad_input = 2;
constexpr int internal_error = 3;

struct Options {
  learn::ClassifierTraining training;
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string checkpoint;
  std::string out;
  int threads = 2;
  bool export_only = false;
};

void declare(CLI::App& command, Options& o) {
  command.add_option("--epochs", o.training.epochs, "passes over the training images")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--seed", o.training.seed, "of weights, order and augmentation")
      ->capture_default_str();
  command.add_option("--rate", o.training.peak_rate, "peak learning rate")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--batch", o.training.batch, "images a step")->capture_default_str();
  command.add_option("--threads", o.threads)->check(CLI::Range(1, 256))->capture_default_str();
  command.add_option("--data", o.data, "folder with the four IDX files of the data set")
      ->capture_default_str();
  auto* out = command.add_option("--out", o.out, "the ONNX file to write, after the last epoch");
  auto* checkpoint =
      command.add_option("--checkpoint", o.checkpoint, "file for the state after each epoch");
  command.add_flag("--resume", o.training.resume, "go on from the checkpoint")->needs(checkpoint);
  command.add_flag("--export-only", o.export_only, "write the checkpoint's weights, train nothing")
      ->needs(checkpoint)
      ->needs(out);
  command.footer(
      "Example:\n  betimes-train fashion-classifier --epochs 16 --seed 1 "
      "--checkpoint fashion.safetensors --out fashion-classifier.onnx");
}

void print_epoch(const learn::Epoch& epoch) {
  std::printf("%s\n", to_string(epoch).c_str());
  std::fflush(stdout);
}

struct Check {
  double accuracy = 0;    // of the file in our runtime
  double difference = 0;  // greatest, of its logits from LibTorch's
};

/// Runs the file just written on the whole test set, beside the module it came from.
Check check_export(learn::FashionClassifier model, const learn::ImageDataset& set,
                   const Options& o) {
  constexpr int64_t batch = 100;
  runtime::CompileOptions options;
  options.shapes = {{"image", {batch, 1, 28, 28}}};
  options.threads = o.threads;
  runtime::Session session(runtime::compile(import::read_onnx(o.out), options));
  const torch::NoGradGuard no_gradient;
  model->eval();
  Check check;
  int64_t hits = 0, seen = 0;
  for (; seen + batch <= set.size(); seen += batch) {
    const at::Tensor images = learn::plain_batch(set.images.slice(0, seen, seen + batch));
    const auto outputs = session.run({{"image", learn::from_torch(images)}});
    const at::Tensor logits = learn::to_torch(outputs.at("logits"));
    const at::Tensor difference = (logits - model->forward(images)).abs().max();
    check.difference = std::max(check.difference, difference.item<double>());
    const at::Tensor labels = set.labels.slice(0, seen, seen + batch);
    hits += logits.argmax(1).eq(labels).sum().item<int64_t>();
  }
  check.accuracy = static_cast<double>(hits) / static_cast<double>(std::max<int64_t>(seen, 1));
  return check;
}

void export_classifier(const learn::FashionClassifier& model, double test_accuracy,
                       const learn::ImageDataset& test, const Options& o) {
  graph::Graph graph = learn::trace(
      model, at::zeros({1, 1, 28, 28}),
      {.name = "fashion-classifier", .batch = "N", .inputs = {"image"}, .outputs = {"logits"}});
  char accuracy[16];
  std::snprintf(accuracy, sizeof accuracy, "%.4f", test_accuracy);
  graph.metadata = {{"model", "fashion-classifier"},
                    {"data", "Fashion-MNIST"},
                    {"input", "float32 [N, 1, 28, 28], pixels in 0..1, black background"},
                    {"output", "logits of the ten classes, in the data set's order"},
                    {"seed", std::to_string(o.training.seed)},
                    {"libtorch", TORCH_VERSION},
                    {"test_accuracy", accuracy}};
  import::write_onnx(graph, o.out);
  std::printf("wrote %s\n", o.out.c_str());
  const Check check = check_export(model, test, o);
  std::printf("%s: test accuracy %.4f in the runtime, logits within %.1e of LibTorch's\n",
              o.out.c_str(), check.accuracy, check.difference);
  if (!(check.difference < 1e-3)) {
    throw std::runtime_error("the exported model computes something else than the trained one");
  }
}

/// Said before the training rather than after it.
void check_folder(const std::string& path) {
  if (path.empty()) return;
  const auto folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    throw Error(path, "can't be written: its folder doesn't exist");
  }
}

void train_fashion_classifier(Options& o) {
  check_folder(o.out);
  check_folder(o.checkpoint);
  o.training.checkpoint = o.checkpoint;
  torch::set_num_threads(o.threads);
  torch::manual_seed(o.training.seed);
  learn::FashionClassifier model;
  const torch::nn::AnyModule any(model);
  const learn::ImageSplits data = learn::load_fashion_mnist(o.data);
  std::printf("seed %llu, %lld training, %lld validation, %lld test images, LibTorch %s\n",
              static_cast<unsigned long long>(o.training.seed),
              static_cast<long long>(data.train.size()),
              static_cast<long long>(data.validation.size()),
              static_cast<long long>(data.test.size()), TORCH_VERSION);
  if (o.export_only) {
    const int epochs = learn::load_checkpoint(o.checkpoint, *model);
    std::printf("%s: after epoch %d\n", o.checkpoint.c_str(), epochs);
  } else {
    learn::train_classifier(any, data, o.training, print_epoch);
  }
  const double test_accuracy = learn::accuracy(any, data.test);
  std::printf("test accuracy %.4f on %lld images\n", test_accuracy,
              static_cast<long long>(data.test.size()));
  if (!o.out.empty()) export_classifier(model, test_accuracy, data.test, o);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Trains Betimes' own models and writes them as ONNX.", "betimes-train");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 2 bad usage or input, 3 internal error.");
  Options options;
  CLI::App* fashion = app.add_subcommand("fashion-classifier",
                                         "a residual network for the ten classes of Fashion-MNIST");
  declare(*fashion, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : bad_input;
  }
  train_fashion_classifier(options);
  return 0;
}

}  // namespace
}  // namespace betimes

int main(int argc, char** argv) {
  try {
    return betimes::parse_and_run(argc, argv);
  } catch (const betimes::Error& problem) {
    std::fprintf(stderr, "betimes-train: %s\n", problem.what());
    return betimes::bad_input;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "betimes-train: internal error: %s\n", problem.what());
    return betimes::internal_error;
  }
}
