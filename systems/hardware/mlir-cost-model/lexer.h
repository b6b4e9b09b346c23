#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// A piece of MLIR text. Types, maps and dense constants are one word with all between their angle
/// brackets.
struct Word {
  enum class Kind {
    value,   // %arg0
    name,    // linalg.matmul, ins, f32
    type,    // tensor<4x8xf32>, vector<...>, memref<...>
    map,     // affine_map<...>
    dense,   // dense<...>
    alias,   // #map0
    symbol,  // @main
    block,   // ^bb0
    number,  // -1, 0.5, 1.0e-3
    text,    // "parallel", without the quotes
    mark,    // ( ) { } [ ] , : = ->
    end
  };
  Kind kind = Kind::end;
  std::string text;
  size_t line = 1;
  bool first = false;  // of its line

  bool is(std::string_view mark) const { return kind == Kind::mark && text == mark; }
  bool names(std::string_view name) const { return kind == Kind::name && text == name; }
};

/// Splits MLIR text; the last word is an end. Throws Error naming `where` and the line for
/// characters that MLIR text doesn't have and for brackets or quotes left open.
std::vector<Word> split_words(std::string_view text, const std::string& where);

}  // namespace betimes::systems::mlir_cost_model
