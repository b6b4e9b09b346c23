#include "systems/hardware/preroutgnn/liberty_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr size_t max_depth = 32;
constexpr std::array left_out = {"internal_power",
                                 "leakage_power",
                                 "receiver_capacitance",
                                 "output_current_rise",
                                 "output_current_fall",
                                 "normalized_driver_waveform",
                                 "power_lut_template",
                                 "leakage_current",
                                 "dynamic_current",
                                 "ccsn_first_stage",
                                 "ccsn_last_stage",
                                 "wire_load",
                                 "pg_pin"};

struct Token {
  enum Kind { end, word, string, mark } kind = end;
  std::string text;
  size_t line = 0;
};

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& where) : text_(text), where_(where) { advance(); }

  const Token& next() const { return token_; }
  Token take() {
    Token taken = std::move(token_);
    last_line_ = taken.line;
    advance();
    return taken;
  }
  size_t last_line() const { return last_line_; }
  bool is(char mark) const { return token_.kind == Token::mark && token_.text[0] == mark; }
  bool accept(char mark) {
    if (!is(mark)) return false;
    take();
    return true;
  }
  void expect(char mark) {
    if (!accept(mark)) fail(fmt::format("has {} here", shown()), fmt::format("'{}'", mark));
  }
  std::string shown() const {
    return token_.kind == Token::end ? "its end" : fmt::format("'{}'", token_.text.substr(0, 40));
  }
  [[noreturn]] void fail(const std::string& what, const std::string& expected = {}) const {
    throw Error(fmt::format("{}, line {}", where_, token_.line), what, expected);
  }

 private:
  static bool is_mark(char c) {
    return c == '(' || c == ')' || c == '{' || c == '}' || c == ':' || c == ';' || c == ',';
  }
  static bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
  bool at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void skip_space() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_]) || text_[at_] == '\\') {
        line_ += text_[at_] == '\n' ? 1 : 0;
        ++at_;
      } else if (at("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) {
          token_ = {Token::end, {}, line_};
          fail("has a comment without end");
        }
        line_ +=
            static_cast<size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                           text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        at_ = end + 2;
      } else if (at("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        break;
      }
    }
  }

  void advance() {
    skip_space();
    token_ = {Token::end, {}, line_};
    if (at_ >= text_.size()) return;
    const char first = text_[at_];
    if (is_mark(first)) {
      token_.kind = Token::mark;
      token_.text = first;
      ++at_;
    } else if (first == '"') {
      token_.kind = Token::string;
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        line_ += text_[at_] == '\n' ? 1 : 0;
        if (text_[at_] != '\\' && text_[at_] != '\n') token_.text += text_[at_];
      }
      if (at_ >= text_.size()) fail("has a string without end");
      ++at_;
    } else {
      token_.kind = Token::word;
      while (at_ < text_.size() && !is_mark(text_[at_]) && !is_space(text_[at_]) &&
             text_[at_] != '"' && !at("/*")) {
        token_.text += text_[at_++];
      }
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0, line_ = 1, last_line_ = 1;
  Token token_;
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : lexer_(text, where) {}

  LibertyGroup parse() {
    LibertyGroup outer;
    statement(outer, 0, false);
    if (lexer_.next().kind != Token::end) lexer_.fail("goes on after the library");
    if (outer.groups.size() != 1) lexer_.fail("isn't a group", "library(name) { ... }");
    return std::move(outer.groups[0]);
  }

 private:
  void statement(LibertyGroup& into, size_t depth, bool drop) {
    if (lexer_.next().kind != Token::word) {
      lexer_.fail(fmt::format("has {} here", lexer_.shown()), "a name");
    }
    const Token name = lexer_.take();
    if (lexer_.accept(':')) {
      LibertyGroup::Attribute attribute{name.text, {simple_value()}, name.line};
      if (!drop) into.attributes.push_back(std::move(attribute));
      return;
    }
    lexer_.expect('(');
    std::vector<std::string> values;
    while (!lexer_.is(')')) {
      if (lexer_.accept(',')) continue;
      const Token value = lexer_.next();
      if (value.kind != Token::word && value.kind != Token::string) {
        lexer_.fail(fmt::format("has {} among arguments of {}", lexer_.shown(), name.text));
      }
      values.push_back(lexer_.take().text);
    }
    lexer_.take();
    if (!lexer_.accept('{')) {
      lexer_.accept(';');
      if (!drop) into.attributes.push_back({name.text, std::move(values), name.line});
      return;
    }
    if (depth >= max_depth) lexer_.fail("has groups nested deeper than 32");
    const bool skipped =
        drop || std::find(left_out.begin(), left_out.end(), name.text) != left_out.end();
    LibertyGroup group{name.text, std::move(values), name.line, {}, {}};
    while (!lexer_.accept('}')) {
      if (lexer_.accept(';')) continue;
      statement(group, depth + 1, skipped);
    }
    lexer_.accept(';');
    if (!skipped) into.groups.push_back(std::move(group));
  }

  /// Up to the semicolon; some libraries leave it out at the end of a line.
  std::string simple_value() {
    std::string found;
    while (!lexer_.is(';') && !lexer_.is('}') && lexer_.next().kind != Token::end) {
      if (!found.empty() && lexer_.next().line != lexer_.last_line()) break;
      if (!found.empty()) found += ' ';
      found += lexer_.take().text;
    }
    lexer_.accept(';');
    return found;
  }

  Lexer lexer_;
};

}  // namespace

const LibertyGroup::Attribute* LibertyGroup::find(std::string_view attribute) const {
  for (size_t i = attributes.size(); i-- > 0;) {
    if (attributes[i].name == attribute) return &attributes[i];
  }
  return nullptr;
}

std::string LibertyGroup::text(std::string_view attribute) const {
  const Attribute* found = find(attribute);
  return found && !found->values.empty() ? found->values[0] : std::string{};
}

LibertyGroup parse_liberty_groups(std::string_view text, const std::string& where) {
  return Parser(text, where).parse();
}

}  // namespace betimes::systems::preroutgnn
