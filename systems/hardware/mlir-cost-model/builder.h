#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace betimes::systems::mlir_cost_model {

using Extents = std::vector<int64_t>;

/// A value of the function that is being written.
struct Ref {
  std::string name;
  Extents shape;  // of f32; rank 0 isn't used
};

/// One step of an elementwise body: combines what the steps before gave with something.
struct Step {
  enum class With { input, constant, itself };
  std::string operation;  // addf, mulf, subf, maxf, minf
  With with = With::constant;
  size_t input = 0;     // of the inputs, where it is one
  double constant = 0;  // where it is one
};

/// Writes one function of linalg on tensors in MLIR 15's form. Shapes are the caller's to match.
class Builder {
 public:
  Ref argument(const Extents& shape);

  /// Elementwise over the first input's shape: begins with input 0, then step by step. Further
  /// inputs have the same shape, or fewer dimensions: then `axes` says which of the output's each
  /// has ([i] of input i; empty: all).
  Ref elementwise(const std::vector<Ref>& inputs, const std::vector<Step>& steps,
                  const std::vector<std::vector<size_t>>& axes = {});
  /// [m, k] x [k, n]; [b, m, k] x [b, k, n].
  Ref matmul(const Ref& a, const Ref& b);
  /// x [n, h, w, c], weight [kh, kw, c, f], or [kh, kw, c] where each channel has its own; without
  /// padding.
  Ref convolution(const Ref& x, const Ref& weight, int64_t stride);
  /// Windows of size x size; "max" or "sum".
  Ref pool(const std::string& kind, const Ref& x, int64_t size, int64_t stride);
  /// Over the last dimension; "addf" or "maxf".
  Ref reduce(const std::string& operation, const Ref& x);
  Ref transpose(const Ref& x, const std::vector<size_t>& order);
  Ref filled(const Extents& shape, double value);

  /// Values that nothing reads yet, arguments aside.
  std::vector<Ref> loose_ends() const;
  size_t operations() const { return operations_; }
  /// The function @main with these results.
  std::string finish(const std::vector<Ref>& results) const;

 private:
  std::string constant(double value);
  Ref empty(const Extents& shape);
  Ref define(const Extents& shape, const std::string& right, const std::vector<Ref>& reads);
  Ref generic(const std::vector<std::pair<Ref, std::string>>& inputs, const Ref& out,
              const std::string& out_map, const std::string& iterators, const std::string& body);
  Ref structured(const std::string& operation, const Ref& a, const Ref& b, const Ref& out);

  std::vector<Ref> arguments_, loose_;
  std::vector<std::pair<double, std::string>> constants_;
  std::string body_;
  size_t values_ = 0, operations_ = 0;
};

}  // namespace betimes::systems::mlir_cost_model
