#include "systems/hardware/mlir-cost-model/lexer.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::systems::mlir_cost_model {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_inner(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '$'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Splitter {
 public:
  Splitter(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::vector<Word> run() {
    while (skip_blanks()) take();
    add(Word::Kind::end, "");
    return std::move(words_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected = {}) const {
    throw Error(fmt::format("{}, line {}", where_, line_), what, expected);
  }
  char at(size_t ahead = 0) const {
    return place_ + ahead < text_.size() ? text_[place_ + ahead] : '\0';
  }

  bool skip_blanks() {
    while (place_ < text_.size()) {
      if (at() == '\n') {
        ++line_;
        new_line_ = true;
      } else if (at() == '/' && at(1) == '/') {
        while (place_ + 1 < text_.size() && at(1) != '\n') ++place_;
      } else if (!is_blank(at())) {
        return true;
      }
      ++place_;
    }
    return false;
  }

  void add(Word::Kind kind, std::string text) {
    words_.push_back({kind, std::move(text), line_, new_line_});
    new_line_ = false;
  }

  void take() {
    const char c = at();
    if (c == '%' || c == '#' || c == '@' || c == '^') {
      const size_t begin = place_++;
      while (is_inner(at()) || at() == '-') ++place_;
      if (place_ == begin + 1) refuse(fmt::format("has a '{}' without a name", c));
      const Word::Kind kind = c == '%'   ? Word::Kind::value
                              : c == '#' ? Word::Kind::alias
                              : c == '@' ? Word::Kind::symbol
                                         : Word::Kind::block;
      add(kind, std::string(text_.substr(begin, place_ - begin)));
    } else if (c == '-' && at(1) == '>') {
      place_ += 2;
      add(Word::Kind::mark, "->");
    } else if (is_digit(c) || (c == '-' && is_digit(at(1)))) {
      take_number();
    } else if (is_letter(c)) {
      take_name();
    } else if (c == '"') {
      const size_t end = text_.find_first_of("\"\n", place_ + 1);
      if (end == std::string_view::npos || text_[end] != '"') refuse("has a quote left open");
      add(Word::Kind::text, std::string(text_.substr(place_ + 1, end - place_ - 1)));
      place_ = end + 1;
    } else if (std::string_view("(){}[],:=").find(c) != std::string_view::npos) {
      add(Word::Kind::mark, std::string(1, c));
      ++place_;
    } else {
      refuse(fmt::format("has byte {} where a word should begin", static_cast<unsigned char>(c)));
    }
  }

  void take_number() {
    const size_t begin = place_++;
    while (
        is_digit(at()) || is_letter(at()) || at() == '.' ||
        ((at() == '-' || at() == '+') && (text_[place_ - 1] == 'e' || text_[place_ - 1] == 'E'))) {
      ++place_;
    }
    add(Word::Kind::number, std::string(text_.substr(begin, place_ - begin)));
  }

  void take_name() {
    const size_t begin = place_;
    while (is_inner(at())) ++place_;
    const std::string_view name = text_.substr(begin, place_ - begin);
    if (at() != '<') return add(Word::Kind::name, std::string(name));
    size_t depth = 0;
    do {
      if (at() == '\0' || at() == '\n') refuse(fmt::format("has a '{}<' left open", name));
      if (at() == '<') ++depth;
      if (at() == '>' && text_[place_ - 1] != '-') --depth;
      ++place_;
    } while (depth > 0);
    const Word::Kind kind = name == "affine_map" ? Word::Kind::map
                            : name == "dense"    ? Word::Kind::dense
                                                 : Word::Kind::type;
    add(kind, std::string(text_.substr(begin, place_ - begin)));
  }

  std::string_view text_;
  const std::string& where_;
  size_t place_ = 0, line_ = 1;
  bool new_line_ = true;
  std::vector<Word> words_;
};

}  // namespace

std::vector<Word> split_words(std::string_view text, const std::string& where) {
  return Splitter(text, where).run();
}

}  // namespace betimes::systems::mlir_cost_model
