#include "systems/hardware/preroutgnn/verilog_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

VerilogLexer::VerilogLexer(std::string_view text, const std::string& where)
    : text_(text), where_(where) {
  advance();
}

VerilogToken VerilogLexer::take() {
  VerilogToken taken = std::move(token_);
  advance();
  return taken;
}

bool VerilogLexer::is(std::string_view text) const {
  return token_.kind != VerilogToken::end && !token_.escaped && token_.text == text;
}

bool VerilogLexer::accept(std::string_view text) {
  if (!is(text)) return false;
  take();
  return true;
}

void VerilogLexer::expect(std::string_view text) {
  if (accept(text)) return;
  fail(token_.kind == VerilogToken::end ? std::string("ends early")
                                        : fmt::format("has '{}' here", token_.text.substr(0, 40)),
       fmt::format("'{}'", text));
}

std::string VerilogLexer::name() {
  if (token_.kind != VerilogToken::name) {
    fail(fmt::format("has '{}' here", token_.text.substr(0, 40)), "a name");
  }
  return take().text;
}

void VerilogLexer::fail(const std::string& what, const std::string& expected) const {
  throw Error(fmt::format("{}, line {}", where_, token_.line), what, expected);
}

bool VerilogLexer::skip_to(std::string_view what) {
  const size_t end = text_.find(what, at_);
  const size_t stop = std::min(end, text_.size());
  line_ += static_cast<size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                          text_.begin() + static_cast<std::ptrdiff_t>(stop), '\n'));
  at_ = std::min(stop + what.size(), text_.size());
  return end != std::string_view::npos;
}

void VerilogLexer::skip_space() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      line_ += text_[at_++] == '\n' ? 1 : 0;
    } else if (at("//") || at("`")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (at("/*") || (at("(*") && !at("(*)"))) {
      const std::string_view closing = at("/*") ? "*/" : "*)";
      at_ += 2;
      if (!skip_to(closing)) {
        token_ = {VerilogToken::end, {}, false, line_};
        fail("has a comment without end");
      }
    } else {
      break;
    }
  }
}

void VerilogLexer::advance() {
  skip_space();
  token_ = {VerilogToken::end, {}, false, line_};
  if (at_ >= text_.size()) return;
  const size_t begin = at_;
  if (text_[at_] == '\\') {
    token_.kind = VerilogToken::name;
    token_.escaped = true;
    while (at_ < text_.size() && !is_space(text_[at_])) ++at_;
    token_.text = text_.substr(begin + 1, at_ - begin - 1);
    if (token_.text.empty()) fail("has an empty escaped name");
    return;
  }
  if (is_word(text_[at_]) || text_[at_] == '\'') {
    const bool number = is_digit(text_[at_]) || text_[at_] == '\'';
    token_.kind = number ? VerilogToken::number : VerilogToken::name;
    while (at_ < text_.size() && (is_word(text_[at_]) || (number && text_[at_] == '\''))) ++at_;
    token_.text = text_.substr(begin, at_ - begin);
    return;
  }
  token_.kind = VerilogToken::mark;
  token_.text = text_[at_++];
}

}  // namespace betimes::systems::preroutgnn
