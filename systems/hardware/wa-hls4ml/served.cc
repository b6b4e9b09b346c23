#include "systems/hardware/wa-hls4ml/served.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"

namespace betimes::systems::wa_hls4ml {
namespace {

template <size_t n>
std::string text_of(const std::array<double, n>& values) {
  std::string text;
  for (const double value : values) text += fmt::format("{:.17g} ", value);
  return text;
}

template <size_t n>
std::array<double, n> numbers_of(const std::map<std::string, std::string>& metadata,
                                 const std::string& key, const std::string& where) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw Error(where, fmt::format("doesn't say {}", key), "a model of betimes train wa-hls4ml");
  }
  std::array<double, n> values{};
  std::istringstream words(found->second);
  std::string word;
  size_t count = 0;
  while (words >> word) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool read = error == std::errc() && end == word.data() + word.size();
    if (!read || !std::isfinite(value) || count == n) {
      throw Error(where, fmt::format("{} has '{}'", key, word), fmt::format("{} numbers", n));
    }
    values[count++] = value;
  }
  if (count != n) {
    throw Error(where, fmt::format("{} has {} numbers", key, count), std::to_string(n));
  }
  return values;
}

graph::Graph read(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    throw Error(path, "isn't there", "betimes train wa-hls4ml, which writes it");
  }
  return import::read_onnx(path);
}

std::unique_ptr<runtime::Session> open(const graph::Graph& graph,
                                       const std::map<std::string, Shape>& shapes, int threads) {
  runtime::CompileOptions options;
  options.shapes = shapes;
  options.threads = threads;
  return std::make_unique<runtime::Session>(runtime::compile(graph, options));
}

void fill(runtime::Session& session, const std::string& name, std::span<const float> values) {
  const auto& inputs = session.plan().inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name != name) continue;
    const TensorView& target = session.inputs()[i];
    if (target.size() != static_cast<int64_t>(values.size())) break;
    std::ranges::copy(values, target.as<float>());
    return;
  }
  throw Error(name, fmt::format("isn't an input of {} numbers", values.size()),
              "a model of betimes train wa-hls4ml");
}

std::span<const float> run(runtime::Session& session, size_t outputs) {
  session.run();
  const TensorView& output = session.outputs()[0];
  if (output.size() != static_cast<int64_t>(outputs)) {
    throw Error("surrogate", fmt::format("gives {} numbers", output.size()),
                std::to_string(outputs));
  }
  return {output.as<float>(), outputs};
}

}  // namespace

Files::Files(const std::string& folder)
    : costs(folder + "/wa-hls4ml-costs.onnx"),
      success(folder + "/wa-hls4ml-success.onnx"),
      classifiers(folder + "/wa-hls4ml-classifiers.safetensors") {}

std::map<std::string, std::string> format_stats(const FeatureStats& features) {
  return {{"feature_mean", text_of(features.mean)},
          {"feature_deviation", text_of(features.deviation)}};
}

std::map<std::string, std::string> format_stats(const FeatureStats& features,
                                                const LabelStats& labels) {
  std::map<std::string, std::string> all = format_stats(features);
  all["label_shift"] = text_of(labels.shift);
  all["label_mean"] = text_of(labels.mean);
  all["label_deviation"] = text_of(labels.deviation);
  return all;
}

FeatureStats parse_features(const std::map<std::string, std::string>& metadata,
                            const std::string& where) {
  return {numbers_of<numerics>(metadata, "feature_mean", where),
          numbers_of<numerics>(metadata, "feature_deviation", where)};
}

LabelStats parse_labels(const std::map<std::string, std::string>& metadata,
                        const std::string& where) {
  return {numbers_of<targets>(metadata, "label_shift", where),
          numbers_of<targets>(metadata, "label_mean", where),
          numbers_of<targets>(metadata, "label_deviation", where)};
}

ServedSurrogate::ServedSurrogate(const Files& files, int threads) {
  const graph::Graph costs = read(files.costs), success = read(files.success);
  features_ = parse_features(costs.metadata, files.costs);
  labels_ = parse_labels(costs.metadata, files.costs);
  success_features_ = parse_features(success.metadata, files.success);
  costs_ = open(costs,
                {{"rows", {1, most_layers, row_width}},
                 {"valid", {1, most_layers}},
                 {"context", {1, context_width}}},
                threads);
  success_ = open(success, {{"averages", {1, average_width}}}, threads);
}

ServedSurrogate::Prediction ServedSurrogate::predict(const Network& network) {
  check(network, sizes_text(network));
  std::vector<float> rows = layer_rows(network, features_);
  rows.resize(most_layers * row_width);
  std::vector<float> valid(most_layers);
  std::fill_n(valid.begin(), network.layers.size(), 1.0f);
  fill(*costs_, "rows", rows);
  fill(*costs_, "valid", valid);
  fill(*costs_, "context", context(network));
  fill(*success_, "averages", average_row(network, success_features_));
  Prediction found;
  found.costs = labels_.restore(run(*costs_, targets));
  found.success = 1 / (1 + std::exp(-double{run(*success_, 1)[0]}));
  return found;
}

}  // namespace betimes::systems::wa_hls4ml
