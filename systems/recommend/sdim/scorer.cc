#include "systems/recommend/sdim/scorer.h"

#include <algorithm>
#include <filesystem>

#include "betimes/base/error.h"

namespace betimes::systems::sdim {
namespace {

std::shared_ptr<const runtime::Plan> plan(const graph::Graph& graph,
                                          const std::map<std::string, Shape>& shapes, int threads) {
  runtime::CompileOptions options;
  options.shapes = shapes;
  options.threads = threads;
  return runtime::compile(graph, options);
}

/// Copies into the session's input of that name.
template <class T>
void fill(runtime::Session& session, const char* name, std::span<const T> values) {
  const auto& inputs = session.plan().inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name != name) continue;
    const TensorView& target = session.inputs()[i];
    if (target.size() != static_cast<int64_t>(values.size())) {
      throw Error(name, "has " + std::to_string(values.size()) + " elements",
                  std::to_string(target.size()));
    }
    std::copy(values.begin(), values.end(), target.as<T>());
    return;
  }
  throw Error(name, "is no input of the model");
}

std::span<const float> logits(runtime::Session& session) {
  const TensorView& output = session.outputs()[0];
  return {output.as<float>(), static_cast<size_t>(output.size())};
}

std::vector<float> item_embeddings(const graph::Graph& graph, int width) {
  const auto at = graph.constants.find("items.weight");
  if (at == graph.constants.end() || at->second.dtype() != DType::f32 ||
      at->second.shape().size() != 2 || at->second.shape()[1] != width) {
    throw Error("items.weight", "isn't a constant of the model with rows as wide as the hash",
                "a model that betimes train sdim wrote");
  }
  const auto data = at->second.data<float>();
  return {data.begin(), data.end()};
}

/// Gathers rows of `width` elements of a table.
template <class T>
void gather(std::span<const T> table, size_t width, std::span<const int64_t> rows,
            std::vector<T>& found) {
  const size_t count = table.size() / width;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || static_cast<size_t>(rows[i]) >= count) {
      throw Error("candidate " + std::to_string(i), "is item " + std::to_string(rows[i]),
                  "0 to " + std::to_string(count - 1));
    }
    std::copy_n(table.begin() + rows[i] * static_cast<int64_t>(width), width,
                found.begin() + static_cast<int64_t>(i * width));
  }
}

}  // namespace

Files::Files(const std::string& folder) {
  const std::filesystem::path base(folder);
  sampled = (base / "sdim-sampled.onnx").string();
  full = (base / "sdim-full.onnx").string();
  recent = (base / "sdim-recent.onnx").string();
}

SampledScorer::SampledScorer(const graph::Graph& graph, std::shared_ptr<const SignHash> hash,
                             uint64_t embedding_version, int64_t candidates, int threads,
                             bool cache)
    : hash_(std::move(hash)),
      embedding_version_(embedding_version),
      candidates_(candidates),
      embeddings_(item_embeddings(graph, hash_->width())),
      session_(plan(
          graph,
          {{"candidates", {1, candidates}}, {"long_interest", {1, candidates, hash_->width()}}},
          threads)) {
  const auto count = static_cast<size_t>(candidates);
  chosen_.resize(count * static_cast<size_t>(hash_->options().rounds()));
  if (cache) {
    signatures_ = hash_->signatures(embeddings_);
  } else {
    rows_.resize(count * static_cast<size_t>(hash_->width()));
  }
}

std::span<const float> SampledScorer::score(std::span<const int64_t> candidates,
                                            std::span<const int64_t> recent,
                                            const BucketTable& table) {
  const HashOptions &own = hash_->options(), &theirs = table.options();
  if (table.embedding_version() != embedding_version_) {
    throw Error("bucket table",
                "was made from embeddings " + std::to_string(table.embedding_version()),
                "version " + std::to_string(embedding_version_) + ", which scores");
  }
  if (own.functions != theirs.functions || own.bits != theirs.bits || own.seed != theirs.seed ||
      table.width() != hash_->width()) {
    throw Error("bucket table", "was made with another hash than the one that scores");
  }
  const auto rounds = static_cast<size_t>(own.rounds());
  if (signatures_.empty()) {
    gather<float>(embeddings_, static_cast<size_t>(hash_->width()), candidates, rows_);
    hash_->signatures(rows_, chosen_);
  } else {
    gather<uint16_t>(signatures_, rounds, candidates, chosen_);
  }
  fill(session_, "candidates", candidates);
  fill(session_, "recent", recent);
  const auto& inputs = session_.plan().inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name != "long_interest") continue;
    const TensorView& target = session_.inputs()[i];
    table.interests(chosen_, {target.as<float>(), static_cast<size_t>(target.size())});
  }
  session_.run();
  return logits(session_);
}

HistoryScorer::HistoryScorer(const graph::Graph& graph, int64_t candidates, int64_t length,
                             int threads)
    : session_(plan(graph, {{"candidates", {1, candidates}}, {"history", {1, length}}}, threads)) {}

std::span<const float> HistoryScorer::score(std::span<const int64_t> candidates,
                                            std::span<const int64_t> history) {
  fill(session_, "candidates", candidates);
  fill(session_, "history", history);
  session_.run();
  return logits(session_);
}

}  // namespace betimes::systems::sdim
