#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// tensor<1x56x56x64xf32>, or a scalar without a shape.
struct Type {
  std::vector<int64_t> shape;
  std::string element;  // "f32", "index"
  bool tensor = false;

  double elements() const;
  double bytes() const;  // 4 an element of unknown width
  /// As MLIR writes it between the angle brackets: "1x56x56x64xf32".
  std::string text() const;
  bool operator==(const Type&) const = default;
};

struct Value {
  std::string name;  // as written: "%arg0"
  Type type;
};

/// One operation in program order. Operands, whether a tensor or a scalar, are in textual order;
/// `types` are theirs.
struct Operation {
  std::string name;    // "linalg.matmul"
  std::string result;  // empty: none
  Type type;           // of the result
  std::vector<Value> operands;
  size_t outputs = 0;            // how many of the operands, at the end, are written to (outs)
  std::vector<int64_t> strides;  // of convolutions and pools; empty: not said
  std::vector<std::vector<std::string>> maps;  // of linalg.generic: each map's results
  std::vector<std::string> iterators;          // of linalg.generic: parallel, reduction
  double constant = 0;                         // of arith.constant
  std::vector<Value> block;                    // arguments of its body
  std::vector<Operation> body;
};

/// One function of linalg on tensors with static shapes.
struct Function {
  std::string name;
  std::vector<Value> arguments;
  std::vector<Operation> operations;  // without the return
};

/// Reads the first function of MLIR text in MLIR 15's printed form, from the dialects func, linalg
/// (structured operations on tensors), arith and tensor.empty's forerunner linalg.init_tensor.
/// Throws Error naming `where` and the line for anything else: what isn't such text, values that
/// aren't defined or are defined twice, dynamic or unranked shapes, control flow and calls (whose
/// trip counts aren't known), a function without operations, text over 1 MiB.
Function parse_function(std::string_view text, const std::string& where);

}  // namespace betimes::systems::mlir_cost_model
