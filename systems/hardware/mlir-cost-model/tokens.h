#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "systems/hardware/mlir-cost-model/function.h"
#include "systems/hardware/mlir-cost-model/schedule.h"

namespace betimes::systems::mlir_cost_model {

/// What of a function becomes tokens.
enum class Tokens {
  ops,       // operators in program order, each with its result type as one token
  operands,  // arguments with their types, operands and results too, renamed a0.., v0.., b0..
  buckets    // as operands, but a tensor type is one token a dimension, by power of two
};
const char* name(Tokens variant);
std::vector<Tokens> all_tokens();
/// Throws Error for another name.
Tokens find_tokens(const std::string& name);
/// Tokens that a sequence is cut at unless somebody asks for another number: 256 of operators
/// alone, else 1024.
int64_t standard_length(Tokens variant);

/// The sentence of a function under a schedule, without special tokens: the schedule first, then
/// the operations with their attributes; numbers by power of two. Scalars' types aren't written.
std::vector<std::string> tokenise(const Function& function, const Schedule& schedule,
                                  Tokens variant);

/// FNV-1a over the sentence: equal sentences have equal hashes on every machine.
uint64_t hash_tokens(const std::vector<std::string>& tokens);

/// Token numbers of one sentence.
struct Encoded {
  std::vector<int64_t> ids;  // begin, tokens, end
  int64_t unknown = 0;       // tokens that the vocabulary lacks
  bool truncated = false;    // cut: the end is missing
};

/// Tokens of the training set with numbers.
class Vocabulary {
 public:
  static constexpr int64_t pad = 0, unknown = 1, begin = 2, end = 3;

  /// Tokens that occur in `least` sentences or more, the most frequent first, ties by their text.
  /// Give one sentence a graph: variants of a graph share nearly all of theirs.
  Vocabulary(const std::vector<std::vector<std::string>>& sentences, int64_t least = 2);
  /// What text() gave. Throws Error naming `where` for anything else.
  static Vocabulary parse(const std::string& text, const std::string& where);
  /// One token a line.
  std::string text() const;

  /// With the special ones.
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  /// Throws Error for a `length` under 2.
  Encoded encode(const std::vector<std::string>& tokens, int64_t length) const;

 private:
  Vocabulary() = default;
  void number();

  std::vector<std::string> tokens_;
  std::map<std::string, int64_t> numbers_;
};

}  // namespace betimes::systems::mlir_cost_model
