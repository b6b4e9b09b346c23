#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/runtime/session.h"

namespace betimes::runtime {

/// An output that is the input of the next call.
struct CarriedState {
  std::string output;
  std::string input;
  bool operator==(const CarriedState&) const = default;
};

/// The states of a model whose names or shapes tell them: an output called as an input is, with
/// something before or after it ("state" and "stateN", "h" and "hn"); else the only pair of the
/// same type and shape. In the order of the inputs; the model's first input is never one.
std::vector<CarriedState> find_states(const graph::Graph& graph);

/// Runs a model that carries state from one call to the next: recurrent layers, caches, the tail of
/// the last frame. States begin as zeros. Used by one thread at a time.
class StreamPredictor {
 public:
  /// Throws Error where a state names no input or output, or its types differ for these shapes.
  StreamPredictor(const graph::Graph& graph, const CompileOptions& options,
                  std::vector<CarriedState> states);
  /// With the states that find_states gives; throws Error when there are none.
  explicit StreamPredictor(const graph::Graph& graph, const CompileOptions& options = {});

  /// One step: inputs without states in, outputs without states out. Throws Error for unknown,
  /// missing or unfit inputs, before anything is changed.
  std::map<std::string, Tensor> push(const std::map<std::string, Tensor>& inputs);

  /// The same without copies: write the session's inputs, advance(), read its outputs.
  Session& session() { return session_; }
  void advance();

  /// Forgets the past: states are zeros again.
  void reset();
  const std::vector<CarriedState>& states() const { return states_; }

 private:
  std::vector<CarriedState> states_;
  Session session_;
  std::vector<std::pair<size_t, size_t>> moves_;  // output, input
};

}  // namespace betimes::runtime
