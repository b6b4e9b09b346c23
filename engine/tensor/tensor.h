#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "betimes/tensor/dtype.h"

namespace betimes {

/// Extents of a dense row-major array, outermost first; {} is a scalar.
using Shape = std::vector<int64_t>;

/// Number of elements. Throws Error when an extent is negative or the product overflows int64.
int64_t element_count(const Shape& shape);
/// "[1, 3, 224, 224]"
std::string to_string(const Shape& shape);

/// Type and shape of a tensor whose data may not exist yet.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
};
std::string to_string(const TensorType& type);
/// Bytes of dense storage; throws Error on overflow.
size_t byte_size(const TensorType& type);

/// Memory aligned to 64 bytes, so that vector kernels and oneDNN take it as it is.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

/// A dense host tensor. Copies share the data; the first write through `mutable_data` to shared
/// data makes it private (copy on write), so a Tensor behaves like a value.
class Tensor {
 public:
  Tensor() = default;                // an empty f32 tensor of shape [0]
  explicit Tensor(TensorType type);  // zero-filled
  Tensor(DType dtype, Shape shape) : Tensor(TensorType{dtype, std::move(shape)}) {}

  template <class T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return from<T>(std::move(shape), std::span<const T>(values));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from<T>({}, std::span<const T>(&value, 1));
  }

  const TensorType& type() const { return type_; }
  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  int64_t size() const { return size_; }
  size_t bytes() const { return static_cast<size_t>(size_) * size_of(type_.dtype); }

  const std::byte* raw() const { return buffer_ ? buffer_->data() : nullptr; }
  std::byte* mutable_raw();

  /// Elements as T; throws Error when T isn't the tensor's type.
  template <class T>
  std::span<const T> data() const {
    check_type(dtype_v<T>);
    return {reinterpret_cast<const T*>(raw()), static_cast<size_t>(size_)};
  }
  template <class T>
  std::span<T> mutable_data() {
    check_type(dtype_v<T>);
    return {reinterpret_cast<T*>(mutable_raw()), static_cast<size_t>(size_)};
  }

  /// The same data under another shape of equally many elements.
  Tensor reshaped(Shape shape) const;
  /// Elements converted to `dtype` by C++'s rules (floats to integers truncate and saturate).
  Tensor cast(DType dtype) const;

 private:
  void check_type(DType wanted) const;
  static void check_count(size_t wanted, size_t given);

  TensorType type_{DType::f32, {0}};
  int64_t size_ = 0;
  std::shared_ptr<Buffer> buffer_;
};

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor result(dtype_v<T>, std::move(shape));
  auto out = result.mutable_data<T>();
  check_count(out.size(), values.size());
  std::copy(values.begin(), values.end(), out.begin());
  return result;
}

/// A view of memory that somebody else owns; what kernels read and write.
struct TensorView {
  TensorType type;
  void* data = nullptr;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  int64_t size() const { return element_count(type.shape); }
};
/// Views for reading: kernels never write through a view made from a const tensor.
TensorView view(const Tensor& tensor);
TensorView view(Tensor& tensor);

}  // namespace betimes
