#pragma once

#include <string>
#include <string_view>

namespace betimes::systems::preroutgnn {

struct VerilogToken {
  enum Kind { end, name, number, mark } kind = end;
  std::string text;  // an escaped name without its backslash; a number with its base
  bool escaped = false;
  size_t line = 0;
};

/// Words of structural Verilog; comments, attributes `(* *)` and compiler directives are skipped.
/// Errors name `where` and the line.
class VerilogLexer {
 public:
  VerilogLexer(std::string_view text, const std::string& where);

  const VerilogToken& next() const { return token_; }
  VerilogToken take();
  bool is(std::string_view text) const;
  bool accept(std::string_view text);
  void expect(std::string_view text);
  /// A name; keywords count as names.
  std::string name();
  [[noreturn]] void fail(const std::string& what, const std::string& expected = {}) const;

 private:
  bool at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  bool skip_to(std::string_view what);
  void skip_space();
  void advance();

  std::string_view text_;
  std::string where_;
  size_t at_ = 0, line_ = 1;
  VerilogToken token_;
};

}  // namespace betimes::systems::preroutgnn
