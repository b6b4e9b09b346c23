#include <algorithm>
#include <cstring>

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/detail/parallel.h"

namespace betimes::runtime {
namespace {

/// out[c][r] = in[r][c] for `rows` x `columns` elements, in tiles that fit the nearest cache.
template <class T>
void transpose(const T* in, T* out, int64_t rows, int64_t columns) {
  constexpr int64_t tile = 16;
  for (int64_t r0 = 0; r0 < rows; r0 += tile) {
    const int64_t r1 = std::min(rows, r0 + tile);
    for (int64_t c0 = 0; c0 < columns; c0 += tile) {
      const int64_t c1 = std::min(columns, c0 + tile);
      for (int64_t c = c0; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r) out[c * rows + r] = in[r * columns + c];
      }
    }
  }
}

/// Few rows (an image's channels): the output is written in one sweep.
template <class T, int64_t rows>
void interleave(const T* in, T* out, int64_t columns) {
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) out[c * rows + r] = in[r * columns + c];
  }
}

template <class T>
void transpose_any(const T* in, T* out, int64_t rows, int64_t columns) {
  if (rows == 2) return interleave<T, 2>(in, out, columns);
  if (rows == 3) return interleave<T, 3>(in, out, columns);
  if (rows == 4) return interleave<T, 4>(in, out, columns);
  transpose(in, out, rows, columns);
}

template <class T>
std::unique_ptr<Kernel> transpose_kernel(int64_t batch, int64_t rows, int64_t columns) {
  return simple_kernel("transpose", [=](const Buffers& buffers) {
    const T* in = static_cast<const T*>(buffers.inputs[0]);
    T* out = static_cast<T*>(buffers.outputs[0]);
    return [=] {
      for (int64_t n = 0; n < batch; ++n) {
        transpose_any(in + n * rows * columns, out + n * rows * columns, rows, columns);
      }
    };
  });
}

}  // namespace

std::unique_ptr<Kernel> reorder_kernel(const TensorType& type, Layout from, Layout to, int) {
  if (same_memory(type.shape, from, to)) {
    const size_t bytes = byte_size(type);
    return simple_kernel("copy", [bytes](const Buffers& buffers) {
      const void* in = buffers.inputs[0];
      void* out = buffers.outputs[0];
      return [=] {
        if (bytes > 0) std::memcpy(out, in, bytes);
      };
    });
  }
  int64_t positions = 1;
  for (size_t i = 2; i < type.shape.size(); ++i) positions *= type.shape[i];
  const bool to_last = to == Layout::channels_last;
  const int64_t rows = to_last ? type.shape[1] : positions;
  const int64_t columns = to_last ? positions : type.shape[1];
  switch (size_of(type.dtype)) {
    case 1:
      return transpose_kernel<uint8_t>(type.shape[0], rows, columns);
    case 2:
      return transpose_kernel<uint16_t>(type.shape[0], rows, columns);
    case 4:
      return transpose_kernel<uint32_t>(type.shape[0], rows, columns);
    default:
      return transpose_kernel<uint64_t>(type.shape[0], rows, columns);
  }
}

}  // namespace betimes::runtime
