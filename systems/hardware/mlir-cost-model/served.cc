#include "systems/hardware/mlir-cost-model/served.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/import/onnx.h"

namespace betimes::systems::mlir_cost_model {
namespace {

/// Lengths that plans are made for: at most half as much again as is needed.
int64_t padded(int64_t tokens) {
  int64_t size = 32;
  while (size < tokens) size = size % 3 == 0 ? size / 3 * 4 : size / 2 * 3;
  return size;
}

std::string entry(const graph::Graph& graph, const char* name, const std::string& where) {
  const auto at = graph.metadata.find(name);
  if (at == graph.metadata.end()) {
    throw Error(where, fmt::format("has no '{}' in its metadata", name),
                "a model that betimes train mlir-cost-model wrote");
  }
  return at->second;
}

uint64_t seed_of(const std::string& text, const std::string& where) {
  uint64_t seed = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (problem != std::errc{} || stop != text.data() + text.size()) {
    throw Error(where, fmt::format("has the split '{}'", text), "a seed");
  }
  return seed;
}

}  // namespace

std::string model_file(const std::string& folder, const std::string& reader, Tokens tokens) {
  const std::string file = fmt::format("mlir-cost-model-{}-{}.onnx", reader, name(tokens));
  return (std::filesystem::path(folder) / file).string();
}

std::map<std::string, std::string> model_metadata(Tokens tokens, const Vocabulary& vocabulary,
                                                  uint64_t split_seed) {
  return {{"tokens", name(tokens)},
          {"vocabulary", vocabulary.text()},
          {"split", std::to_string(split_seed)}};
}

CostModel::CostModel(graph::Graph graph, const std::string& where, int64_t length, int threads)
    : graph_(std::move(graph)),
      tokens_(find_tokens(entry(graph_, "tokens", where))),
      vocabulary_(std::make_shared<const Vocabulary>(
          Vocabulary::parse(entry(graph_, "vocabulary", where), where))),
      split_seed_(seed_of(entry(graph_, "split", where), where)),
      length_(length > 0 ? (length + 3) / 4 * 4 : standard_length(tokens_)),
      threads_(threads) {
  // What follows the vocabulary's numbers must be rows of the embedding.
  const auto at = graph_.constants.find("tokens.weight");
  if (at == graph_.constants.end() || at->second.shape().size() != 2 ||
      at->second.shape()[0] != vocabulary_->size()) {
    throw Error(where, fmt::format("hasn't an embedding of its {} tokens", vocabulary_->size()));
  }
}

CostModel CostModel::read(const std::string& path, int64_t length, int threads) {
  if (!std::filesystem::exists(path)) {
    throw Error(path, "isn't there", "betimes train mlir-cost-model, which writes it");
  }
  return {import::read_onnx(path), path, length, threads};
}

runtime::Session& CostModel::session(int64_t tokens) {
  const int64_t size = std::min(padded(tokens), length_);
  const auto at = sessions_.find(size);
  if (at != sessions_.end()) return at->second;
  runtime::CompileOptions options;
  options.shapes = {{"tokens", {1, size}}};
  options.threads = threads_;
  return sessions_.emplace(size, runtime::compile(graph_, options)).first->second;
}

Values CostModel::run(const std::vector<int64_t>& ids) {
  if (ids.empty()) throw Error("tokens", "are none", "one at least");
  const size_t count = std::min(ids.size(), static_cast<size_t>(length_));
  for (size_t i = 0; i < count; ++i) {
    if (ids[i] < 1 || ids[i] >= vocabulary_->size()) {
      throw Error(fmt::format("token {}", i), fmt::format("is {}", ids[i]),
                  fmt::format("1 to {}", vocabulary_->size() - 1));
    }
  }
  runtime::Session& session = this->session(static_cast<int64_t>(count));
  const TensorView& input = session.inputs()[0];
  auto* const to = input.as<int64_t>();
  std::copy_n(ids.begin(), count, to);
  std::fill(to + count, to + input.size(), Vocabulary::pad);
  session.run();
  const float* const found = session.outputs()[0].as<float>();
  Values values{};
  for (size_t i = 0; i < target_count; ++i) values[i] = double{found[i]};
  return values;
}

Encoded CostModel::encode(const Function& function, const Schedule& schedule) const {
  return vocabulary_->encode(tokenise(function, schedule, tokens_), length_);
}

CostModel::Prediction CostModel::predict(const Function& function, const Schedule& schedule) {
  const Encoded encoded = encode(function, schedule);
  return {run(encoded.ids), encoded.truncated, encoded.unknown};
}

size_t CostModel::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [size, session] : sessions_) {
    const runtime::PlanMemory& memory = session.plan().memory();
    bytes += memory.weights + memory.arena + memory.inputs_outputs;
  }
  return bytes;
}

}  // namespace betimes::systems::mlir_cost_model
