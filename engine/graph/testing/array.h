#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "betimes/tensor/tensor.h"

/// Arrays in double precision, addressed by coordinates: what the operators' references are written
/// with. Nothing here knows strides, so that it can't share a mistake with graph/detail/walk.h.
namespace betimes::graph::testing {

using Index = std::vector<int64_t>;

/// f(coordinates) at every place of a shape, the last axis fastest.
template <class F>
void each_index(const Shape& shape, F&& f) {
  for (const int64_t extent : shape) {
    if (extent == 0) return;
  }
  Index at(shape.size(), 0);
  for (;;) {
    f(std::as_const(at));
    size_t axis = shape.size();
    while (axis > 0 && ++at[axis - 1] == shape[axis - 1]) at[--axis] = 0;
    if (axis == 0) return;
  }
}

class Array {
 public:
  explicit Array(Shape shape, double value = 0)
      : shape_(std::move(shape)), values_(static_cast<size_t>(element_count(shape_)), value) {}
  explicit Array(const Tensor& tensor) : Array(tensor.shape()) {
    const Tensor wide = tensor.cast(DType::f64);
    values_.assign(wide.data<double>().begin(), wide.data<double>().end());
  }
  /// Element by element from f(coordinates).
  template <class F>
  static Array made(const Shape& shape, F&& f) {
    Array array(shape);
    size_t i = 0;
    each_index(shape, [&](const Index& at) { array.values_[i++] = f(at); });
    return array;
  }

  const Shape& shape() const { return shape_; }
  const std::vector<double>& values() const { return values_; }
  int64_t extent(size_t axis) const { return shape_.at(axis); }

  double operator()(const Index& at) const { return values_.at(place(at)); }
  double& operator()(const Index& at) { return values_.at(place(at)); }
  bool inside(const Index& at) const {
    for (size_t i = 0; i < shape_.size(); ++i) {
      if (at[i] < 0 || at[i] >= shape_[i]) return false;
    }
    return true;
  }
  /// The element that an array of more axes sees here when this one broadcasts to it.
  double broadcast(const Index& at) const {
    Index own(at.end() - static_cast<std::ptrdiff_t>(shape_.size()), at.end());
    for (size_t i = 0; i < own.size(); ++i) own[i] = shape_[i] == 1 ? 0 : own[i];
    return (*this)(own);
  }
  Tensor tensor(DType dtype) const { return Tensor::from<double>(shape_, values_).cast(dtype); }

 private:
  size_t place(const Index& at) const {
    if (at.size() != shape_.size() || !inside(at)) {
      throw std::logic_error(std::string("a reference reads ") + to_string(at) + " of " +
                             to_string(shape_));
    }
    int64_t place = 0;
    for (size_t i = 0; i < at.size(); ++i) place = place * shape_[i] + at[i];
    return static_cast<size_t>(place);
  }

  Shape shape_;
  std::vector<double> values_;
};

/// What one rounding to the type may be off, relative to 1 + |value|; integers are exact.
inline double tolerance(DType dtype) {
  if (dtype == DType::f64) return 1e-12;
  if (dtype == DType::f32) return 1e-6;
  if (dtype == DType::f16) return 1e-3;
  return dtype == DType::bf16 ? 8e-3 : 0;
}

/// `found` has the type, the shape and the values of `expected`, up to `slack` roundings.
inline void expect_close(const Tensor& found, DType dtype, const Array& expected,
                         double slack = 1) {
  ASSERT_EQ(to_string(found.type()), to_string(TensorType{dtype, expected.shape()}));
  const Array wanted(expected.tensor(dtype));
  const Array got(found);
  for (size_t i = 0; i < wanted.values().size(); ++i) {
    const double a = got.values()[i];
    const double b = wanted.values()[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double allowed = std::isinf(b) ? 0 : slack * tolerance(dtype) * (1 + std::fabs(b));
    // Written so that NaN fails.
    if (!(std::fabs(a - b) <= allowed)) {
      FAIL() << "element " << i << " of " << to_string(found.type()) << " is " << a << ", not "
             << b;
    }
  }
}

}  // namespace betimes::graph::testing
