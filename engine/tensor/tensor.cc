#include "betimes/tensor/tensor.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>

#include "betimes/base/error.h"

namespace betimes {
namespace {

constexpr std::align_val_t alignment{64};

template <class T>
double widen(T value) {
  if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
    return to_float(value);
  } else {
    return static_cast<double>(value);
  }
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, float16>) {
    return to_float16(static_cast<float>(widen(value)));
  } else if constexpr (std::is_same_v<To, bfloat16>) {
    return to_bfloat16(static_cast<float>(widen(value)));
  } else if constexpr (std::is_same_v<To, bool>) {
    return widen(value) != 0;
  } else if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>) {
    const double wide = widen(value);
    if (std::isnan(wide)) return To{0};
    if (wide <= static_cast<double>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    if (wide >= static_cast<double>(std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    return static_cast<To>(wide);
  } else if constexpr (std::is_integral_v<To>) {
    return static_cast<To>(value);
  } else {
    return static_cast<To>(widen(value));
  }
}

}  // namespace

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0) throw Error("shape " + to_string(shape), "has a negative extent");
    if (__builtin_mul_overflow(count, extent, &count)) {
      throw Error("shape " + to_string(shape), "has too many elements");
    }
  }
  return count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::string to_string(const TensorType& type) {
  return std::string(name(type.dtype)) + to_string(type.shape);
}

size_t byte_size(const TensorType& type) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(element_count(type.shape)), size_of(type.dtype),
                             &bytes)) {
    throw Error(to_string(type), "is too large to address");
  }
  return bytes;
}

Buffer::Buffer(size_t bytes)
    // One byte at least, so that empty tensors still have an address.
    : data_(static_cast<std::byte*>(::operator new[](bytes ? bytes : 1, alignment))),
      size_(bytes) {}

void Buffer::Free::operator()(std::byte* p) const { ::operator delete[](p, alignment); }

Tensor::Tensor(TensorType type)
    : type_(std::move(type)),
      size_(element_count(type_.shape)),
      buffer_(std::make_shared<Buffer>(byte_size(type_))) {
  std::memset(buffer_->data(), 0, buffer_->size());
}

std::byte* Tensor::mutable_raw() {
  if (!buffer_) return nullptr;
  if (buffer_.use_count() > 1) {
    auto own = std::make_shared<Buffer>(buffer_->size());
    std::memcpy(own->data(), buffer_->data(), buffer_->size());
    buffer_ = std::move(own);
  }
  return buffer_->data();
}

Tensor Tensor::reshaped(Shape shape) const {
  if (element_count(shape) != size_) {
    throw Error("reshape", "cannot view " + to_string(type_) + " as " + to_string(shape),
                "equally many elements");
  }
  Tensor result = *this;
  result.type_.shape = std::move(shape);
  return result;
}

Tensor Tensor::cast(DType dtype) const {
  if (dtype == type_.dtype) return *this;
  Tensor result(dtype, type_.shape);
  visit(type_.dtype, [&](auto from) {
    visit(dtype, [&](auto to) {
      const auto in = data<decltype(from)>();
      auto out = result.mutable_data<decltype(to)>();
      for (size_t i = 0; i < in.size(); ++i) out[i] = convert<decltype(to)>(in[i]);
    });
  });
  return result;
}

void Tensor::check_type(DType wanted) const {
  if (type_.dtype != wanted) {
    throw Error("tensor " + to_string(type_), "was read as " + std::string(name(wanted)));
  }
}

void Tensor::check_count(size_t wanted, size_t given) {
  if (wanted != given) {
    throw Error("tensor data", "has " + std::to_string(given) + " values",
                std::to_string(wanted) + ", as its shape says");
  }
}

TensorView view(Tensor& tensor) { return {tensor.type(), tensor.mutable_raw()}; }

TensorView view(const Tensor& tensor) {
  return {tensor.type(), const_cast<std::byte*>(tensor.raw())};
}

}  // namespace betimes
