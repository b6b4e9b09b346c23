#include "systems/hardware/mlir-cost-model/function.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "betimes/base/error.h"
#include "systems/hardware/mlir-cost-model/lexer.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using Kind = Word::Kind;
constexpr size_t max_text = size_t{1} << 20;
constexpr int64_t max_extent = int64_t{1} << 40;

/// What lies between the outermost angle brackets.
std::string_view inside(std::string_view text) {
  const size_t begin = text.find('<') + 1;
  return text.substr(begin, text.rfind('>') - begin);
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == by) {
      parts.emplace_back();
    } else if (c != ' ') {
      parts.back() += c;
    }
  }
  return parts;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& where)
      : where_(where), words_(split_words(text, where)) {}

  Function run() {
    while (now().kind == Kind::alias) alias();
    const bool wrapped = now().names("module");
    if (wrapped) {
      ++place_;
      expect("{");
      while (now().kind == Kind::alias) alias();
    }
    Function found = function();
    if (wrapped) expect("}");
    if (now().kind != Kind::end) refuse("has more than one function", "one");
    return found;
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const {
    throw Error(fmt::format("{}, line {}", where_, now().line), what, expected);
  }
  const Word& now() const { return words_[place_]; }
  Word take(Kind kind, const char* expected) {
    if (now().kind != kind) refuse(fmt::format("has '{}'", now().text), expected);
    return words_[place_++];
  }
  void expect(std::string_view mark) {
    if (!now().is(mark)) refuse(fmt::format("has '{}'", now().text), std::string(mark));
    ++place_;
  }
  bool skip(std::string_view mark) {
    if (!now().is(mark)) return false;
    ++place_;
    return true;
  }

  void alias() {
    const std::string name = now().text;
    ++place_;
    expect("=");
    aliases_[name] = take(Kind::map, "affine_map<...>").text;
  }

  Type type_of(const Word& word) const {
    if (word.kind == Kind::name) return {{}, word.text, false};
    if (word.kind != Kind::type) refuse(fmt::format("has '{}'", word.text), "a type");
    if (!word.text.starts_with("tensor<")) {
      refuse(fmt::format("has a value of type {}", word.text), "tensors and scalars");
    }
    Type type;
    type.tensor = true;
    std::vector<std::string> parts = split(inside(word.text), 'x');
    type.element = parts.back();
    parts.pop_back();
    double count = 1;
    for (const std::string& part : parts) {
      if (part == "?" || part == "*") {
        refuse(fmt::format("has the dynamic shape {}", word.text), "static shapes");
      }
      int64_t extent = 0;
      const auto [stop, problem] = std::from_chars(part.data(), part.data() + part.size(), extent);
      if (problem != std::errc{} || stop != part.data() + part.size() || extent < 1) {
        refuse(fmt::format("has the shape {}", word.text), "positive whole extents");
      }
      count *= static_cast<double>(extent);
      type.shape.push_back(extent);
    }
    if (count > static_cast<double>(max_extent) || type.shape.size() > 16) {
      refuse(fmt::format("has a tensor as large as {}", word.text));
    }
    return type;
  }
  Type take_type() {
    const Type found = type_of(now());
    ++place_;
    return found;
  }

  void define(const std::string& name, const Type& type) {
    if (!values_.emplace(name, type).second) refuse(fmt::format("defines {} twice", name));
  }

  /// (%arg0: tensor<4xf32>, ...)
  std::vector<Value> typed_list() {
    std::vector<Value> found;
    expect("(");
    while (!skip(")")) {
      if (!found.empty()) expect(",");
      const std::string name = take(Kind::value, "an argument").text;
      expect(":");
      found.push_back({name, take_type()});
      define(name, found.back().type);
    }
    return found;
  }

  void skip_balanced() {
    size_t depth = 0;
    do {
      if (now().kind == Kind::end) refuse("ends within brackets");
      if (now().is("{") || now().is("(") || now().is("[")) ++depth;
      if (now().is("}") || now().is(")") || now().is("]")) --depth;
      ++place_;
    } while (depth > 0);
  }

  Function function() {
    if (!now().names("func.func")) refuse(fmt::format("has '{}'", now().text), "func.func");
    ++place_;
    if (now().names("public") || now().names("private")) ++place_;
    Function found;
    found.name = take(Kind::symbol, "@name").text.substr(1);
    found.arguments = typed_list();
    if (skip("->")) {
      if (now().is("(")) {
        skip_balanced();
      } else {
        take_type();
      }
    }
    if (now().names("attributes")) {
      ++place_;
      skip_balanced();
    }
    expect("{");
    found.operations = block("return");
    expect("}");
    if (found.operations.empty()) refuse("has an empty function");
    return found;
  }

  /// Operations up to the terminator, which is read too.
  std::vector<Operation> block(std::string_view terminator) {
    std::vector<Operation> found;
    while (true) {
      if (now().kind == Kind::end || now().is("}")) {
        refuse("ends without its terminator", std::string(terminator));
      }
      Operation operation = one();
      if (operation.name == terminator || operation.name == "func.return") return found;
      found.push_back(std::move(operation));
    }
  }

  void check_name(const Operation& operation) const {
    const std::string& name = operation.name;
    const auto from = [&](const char* dialect) { return name.starts_with(dialect); };
    if (from("scf.") || from("cf.") || from("affine.") || name == "call" || name == "func.call") {
      refuse(fmt::format("has '{}', whose trip count isn't known here", name),
             "linalg on tensors without control flow");
    }
    if (!from("linalg.") && !from("arith.") && name != "return" && name != "func.return") {
      refuse(fmt::format("has '{}'", name), "operations of linalg and arith");
    }
  }

  Operation one() {
    Operation operation;
    if (now().kind == Kind::value) {
      operation.result = now().text;
      ++place_;
      if (now().is(":")) refuse("has an operation with several results", "one");
      expect("=");
    }
    operation.name = take(Kind::name, "an operation").text;
    check_name(operation);
    rest(operation);
    if (!operation.result.empty()) define(operation.result, operation.type);
    return operation;
  }

  /// From the name to the end of the operation: where a line begins outside of all brackets.
  void rest(Operation& operation) {
    std::vector<std::string> open;
    bool outs = false;
    for (; !(open.empty() && (now().first || now().is("}"))); ++place_) {
      const Word& word = now();
      if (word.kind == Kind::end) refuse("ends within an operation");
      if (word.is("{") && words_[place_ + 1].kind == Kind::block) {
        region(operation);
        continue;
      }
      if (word.is("(") || word.is("{") || word.is("[")) {
        open.push_back(word.text);
      } else if (word.is(")") || word.is("}") || word.is("]")) {
        const std::string_view pairs = "(){}[]";
        if (open.empty() || pairs[pairs.find(open.back()) + 1] != word.text[0]) {
          refuse(fmt::format("has '{}' without its other half", word.text));
        }
        open.pop_back();
      } else if (word.names("outs")) {
        outs = true;
      } else if (word.kind == Kind::value) {
        const auto at = values_.find(word.text);
        if (at == values_.end()) refuse(fmt::format("uses {} before it is defined", word.text));
        operation.operands.push_back({word.text, at->second});
        operation.outputs += outs;
      } else {
        detail(operation, word, !open.empty() && open.front() == "{");
      }
    }
    if (operation.result.empty()) return;
    if (operation.type.element.empty()) refuse("has an operation without a type");
  }

  /// `{ ^bb0(...): ... }`, up to its closing brace.
  void region(Operation& operation) {
    if (++depth_ > 4) refuse("has bodies within bodies");
    place_ += 2;
    operation.block = typed_list();
    expect(":");
    operation.body = block("linalg.yield");
    if (!now().is("}")) refuse(fmt::format("has '{}'", now().text), "}");
    // What a body defines is seen in it alone, and printed names are used again.
    for (const Value& value : operation.block) values_.erase(value.name);
    for (const Operation& inner : operation.body) values_.erase(inner.result);
    --depth_;
  }

  void detail(Operation& operation, const Word& word, bool in_attributes) {
    if (word.kind == Kind::type || (word.kind == Kind::name && !in_attributes && is_scalar(word))) {
      if (!in_attributes) operation.type = type_of(word);
    } else if (word.kind == Kind::map || word.kind == Kind::alias) {
      operation.maps.push_back(results_of(word));
    } else if (word.kind == Kind::text) {
      operation.iterators.push_back(word.text);
    } else if (word.kind == Kind::dense && words_[place_ - 2].names("strides")) {
      operation.strides = numbers_of(word);
    } else if (word.kind == Kind::number && operation.name == "arith.constant" && !in_attributes) {
      operation.constant = number_of(word.text);
    }
  }
  bool is_scalar(const Word& word) const {
    static const std::set<std::string> names = {"f16", "bf16", "f32", "f64", "index",
                                                "i1",  "i8",   "i16", "i32", "i64"};
    return names.contains(word.text);
  }

  double number_of(const std::string& text) const {
    double value = 0;
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Hexadecimal bit patterns are how infinities are printed.
    if (text.starts_with("0x")) return std::numeric_limits<double>::infinity();
    if (problem != std::errc{} || stop != text.data() + text.size()) {
      refuse(fmt::format("has '{}'", text), "a number");
    }
    return value;
  }
  std::vector<int64_t> numbers_of(const Word& word) const {
    std::string content;
    for (const char c : inside(word.text)) content += c == '[' || c == ']' ? ' ' : c;
    std::vector<int64_t> found;
    for (const std::string& part : split(content, ',')) {
      const double value = number_of(part);
      constexpr double most = 1 << 30;
      if (!(value >= 1 && value <= most && value == std::floor(value))) {
        refuse(fmt::format("has a stride of {}", part), "a whole number from 1 to 2^30");
      }
      found.push_back(static_cast<int64_t>(value));
    }
    return found;
  }
  /// affine_map<(d0, d1) -> (d1)>: {"d1"}.
  std::vector<std::string> results_of(const Word& word) const {
    std::string text = word.text;
    if (word.kind == Kind::alias) {
      const auto at = aliases_.find(word.text);
      if (at == aliases_.end()) refuse(fmt::format("uses {} before it is defined", word.text));
      text = at->second;
    }
    const size_t arrow = text.find("->"), begin = text.find('(', arrow), end = text.rfind(')');
    if (arrow == std::string::npos || begin == std::string::npos || end < begin) {
      refuse(fmt::format("has '{}'", text), "affine_map<(d0, ...) -> (...)>");
    }
    const std::string_view results = std::string_view(text).substr(begin + 1, end - begin - 1);
    if (results.empty()) return {};
    return split(results, ',');
  }

  const std::string& where_;
  std::vector<Word> words_;
  size_t place_ = 0;
  int depth_ = 0;
  std::map<std::string, std::string> aliases_;
  std::map<std::string, Type> values_;
};

}  // namespace

double Type::elements() const {
  double count = 1;
  for (const int64_t extent : shape) count *= static_cast<double>(extent);
  return count;
}

double Type::bytes() const {
  const double width = element == "f64" || element == "i64" || element == "index"  ? 8
                       : element == "f16" || element == "bf16" || element == "i16" ? 2
                       : element == "i8" || element == "i1"                        ? 1
                                                                                   : 4;
  return width * elements();
}

std::string Type::text() const {
  std::string found;
  for (const int64_t extent : shape) found += fmt::format("{}x", extent);
  return found + element;
}

Function parse_function(std::string_view text, const std::string& where) {
  if (text.size() > max_text) {
    throw Error(where, fmt::format("has {} bytes", text.size()), "1 MiB at most");
  }
  return Parser(text, where).run();
}

}  // namespace betimes::systems::mlir_cost_model
