#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/runtime/session.h"
#include "systems/hardware/mlir-cost-model/scores.h"
#include "systems/hardware/mlir-cost-model/tokens.h"

namespace betimes::systems::mlir_cost_model {

/// The file of a trained model: reader and tokens by name.
std::string model_file(const std::string& folder, const std::string& reader, Tokens tokens);

/// What a model file has beside its graph.
std::map<std::string, std::string> model_metadata(Tokens tokens, const Vocabulary& vocabulary,
                                                  uint64_t split_seed);

/// Predicts costs of functions in this runtime. Used by one thread at a time.
class CostModel {
 public:
  /// A graph that model_graph() made, with model_metadata(). Sentences are cut at `length` tokens,
  /// which is rounded up to a multiple of 4; 0: as the tokens have it. Throws Error naming `where`
  /// for a graph without them.
  CostModel(graph::Graph graph, const std::string& where, int64_t length = 0, int threads = 1);
  /// Throws Error naming the file, and the command that writes it when it isn't there.
  static CostModel read(const std::string& path, int64_t length = 0, int threads = 1);

  struct Prediction {
    Values values{};  // on the targets' scale
    bool truncated = false;
    int64_t unknown = 0;  // tokens that weren't in the training set
  };
  Prediction predict(const Function& function, const Schedule& schedule);
  /// From token numbers, which are cut and padded.
  Values run(const std::vector<int64_t>& ids);

  Encoded encode(const Function& function, const Schedule& schedule) const;
  Tokens tokens() const { return tokens_; }
  int64_t length() const { return length_; }
  /// Of the split that training left its test graphs out by.
  uint64_t split_seed() const { return split_seed_; }
  /// Of the weights and of what the sessions made so far hold.
  size_t memory_bytes() const;

 private:
  runtime::Session& session(int64_t tokens);

  graph::Graph graph_;
  Tokens tokens_ = Tokens::ops;
  std::shared_ptr<const Vocabulary> vocabulary_;
  uint64_t split_seed_ = 0;
  int64_t length_;
  int threads_;
  std::map<int64_t, runtime::Session> sessions_;  // by padded length, made when first needed
};

}  // namespace betimes::systems::mlir_cost_model
