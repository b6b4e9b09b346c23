#include "systems/hardware/mlir-cost-model/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "betimes/base/error.h"

namespace betimes::systems::mlir_cost_model {
namespace {

constexpr const char* special[] = {"<pad>", "<unk>", "<begin>", "<end>"};

int bucket(double value) { return std::ilogb(std::abs(value)); }

std::string constant_token(double value) {
  if (value == 0) return "=0";
  if (!std::isfinite(value)) return "=inf";
  return fmt::format("={}2^{}", value < 0 ? "-" : "", bucket(value));
}

class Sentence {
 public:
  explicit Sentence(Tokens variant) : variant_(variant) {}

  std::vector<std::string> run(const Function& function, const Schedule& schedule) {
    add(schedule.fuse ? "fuse" : "nofuse");
    add(fmt::format("unroll:{}", schedule.unroll));
    for (const Value& argument : function.arguments) {
      names_[argument.name] = fmt::format("a{}", arguments_++);
      if (variant_ == Tokens::ops) continue;
      add(names_[argument.name]);
      type(argument.type);
    }
    for (const Operation& operation : function.operations) write(operation, true);
    return std::move(tokens_);
  }

 private:
  void add(std::string token) { tokens_.push_back(std::move(token)); }

  void type(const Type& type) {
    if (!type.tensor) return;
    if (variant_ != Tokens::buckets) return add(type.text());
    for (const int64_t extent : type.shape)
      add(fmt::format("2^{}", bucket(static_cast<double>(extent))));
    add(type.element);
  }

  void attributes(const Operation& operation) {
    // A body says what is computed, the maps where it comes from.
    for (const auto& map : operation.maps) {
      add(fmt::format("({})", fmt::join(map, ",")));
    }
    const auto reductions =
        std::count(operation.iterators.begin(), operation.iterators.end(), "reduction");
    if (reductions > 0) add(fmt::format("reduction:{}", reductions));
    for (const int64_t stride : operation.strides) {
      if (stride > 1) add(fmt::format("stride:2^{}", bucket(static_cast<double>(stride))));
    }
    if (operation.name == "arith.constant") add(constant_token(operation.constant));
  }

  void write(const Operation& operation, bool outer) {
    add(operation.name);
    attributes(operation);
    const bool whole = variant_ != Tokens::ops;
    for (const Value& operand : operation.operands) {
      if (whole) add(names_.at(operand.name));
    }
    for (size_t i = 0; i < operation.block.size(); ++i) {
      names_[operation.block[i].name] = fmt::format("b{}", i);
    }
    size_t inner_values = operation.block.size();
    for (const Operation& inner : operation.body) {
      if (!inner.result.empty()) names_[inner.result] = fmt::format("b{}", inner_values++);
      write(inner, false);
    }
    if (operation.result.empty()) return;
    if (outer) names_[operation.result] = fmt::format("v{}", values_++);
    if (whole) add(names_.at(operation.result));
    type(operation.type);
  }

  Tokens variant_;
  std::map<std::string, std::string> names_;
  size_t arguments_ = 0, values_ = 0;
  std::vector<std::string> tokens_;
};

}  // namespace

const char* name(Tokens variant) {
  switch (variant) {
    case Tokens::ops:
      return "ops";
    case Tokens::operands:
      return "operands";
    case Tokens::buckets:
      return "buckets";
  }
  return "";
}

std::vector<Tokens> all_tokens() { return {Tokens::ops, Tokens::operands, Tokens::buckets}; }

Tokens find_tokens(const std::string& wanted) {
  for (const Tokens variant : all_tokens()) {
    if (name(variant) == wanted) return variant;
  }
  throw Error("tokens", fmt::format("'{}' isn't known", wanted), "ops, operands or buckets");
}

int64_t standard_length(Tokens variant) { return variant == Tokens::ops ? 256 : 1024; }

std::vector<std::string> tokenise(const Function& function, const Schedule& schedule,
                                  Tokens variant) {
  return Sentence(variant).run(function, schedule);
}

uint64_t hash_tokens(const std::vector<std::string>& tokens) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto byte = [&](unsigned char value) {
    hash ^= value;
    hash *= 0x100000001b3;
  };
  for (const std::string& token : tokens) {
    for (const char c : token) byte(static_cast<unsigned char>(c));
    byte(' ');
  }
  return hash;
}

Vocabulary::Vocabulary(const std::vector<std::vector<std::string>>& sentences, int64_t least) {
  std::map<std::string, int64_t> counts;
  for (const auto& sentence : sentences) {
    for (const std::string& token : std::set<std::string>(sentence.begin(), sentence.end())) {
      ++counts[token];
    }
  }
  std::vector<std::pair<std::string, int64_t>> kept;
  for (const auto& entry : counts) {
    if (entry.second >= least) kept.push_back(entry);
  }
  std::stable_sort(kept.begin(), kept.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  tokens_.assign(std::begin(special), std::end(special));
  for (auto& [token, count] : kept) tokens_.push_back(token);
  number();
}

void Vocabulary::number() {
  for (size_t i = 0; i < tokens_.size(); ++i) numbers_[tokens_[i]] = static_cast<int64_t>(i);
}

std::string Vocabulary::text() const {
  std::string all;
  for (const std::string& token : tokens_) all += token + "\n";
  return all;
}

Vocabulary Vocabulary::parse(const std::string& text, const std::string& where) {
  Vocabulary found;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    found.tokens_.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  found.number();
  const bool begins = found.tokens_.size() >= std::size(special) &&
                      std::equal(std::begin(special), std::end(special), found.tokens_.begin());
  if (!begins)
    throw Error(where, "doesn't begin as a vocabulary does", "<pad>, <unk>, <begin>, <end>");
  if (found.numbers_.size() != found.tokens_.size()) throw Error(where, "has a token twice");
  return found;
}

Encoded Vocabulary::encode(const std::vector<std::string>& tokens, int64_t length) const {
  if (length < 2) throw Error("length", fmt::format("is {}", length), "2 tokens at least");
  Encoded found;
  found.ids.push_back(begin);
  for (const std::string& token : tokens) {
    if (static_cast<int64_t>(found.ids.size()) == length) break;
    const auto at = numbers_.find(token);
    found.ids.push_back(at == numbers_.end() ? unknown : at->second);
    found.unknown += at == numbers_.end();
  }
  found.truncated = static_cast<int64_t>(tokens.size()) + 2 > length;
  if (!found.truncated) found.ids.push_back(end);
  return found;
}

}  // namespace betimes::systems::mlir_cost_model
