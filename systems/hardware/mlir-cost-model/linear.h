#pragma once

#include <span>
#include <vector>

namespace betimes::systems::mlir_cost_model {

/// Rows of features of one width, with what each is worth.
struct Examples {
  size_t width = 0;
  std::vector<float> features;  // [rows, width]
  std::vector<double> values;   // [rows]

  size_t rows() const { return values.size(); }
  std::span<const float> row(size_t i) const { return {features.data() + i * width, width}; }
};

/// Least squares over standardised features with a small ridge.
class Linear {
 public:
  /// Throws Error for no rows, a width of 0, or features that aren't rows x width.
  explicit Linear(const Examples& examples, double ridge = 1e-3);
  /// Throws Error for another width.
  double predict(std::span<const float> features) const;

 private:
  std::vector<double> means_, weights_;
  double intercept_ = 0;
};

}  // namespace betimes::systems::mlir_cost_model
