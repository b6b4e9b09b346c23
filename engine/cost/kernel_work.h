#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "betimes/runtime/plan.h"

namespace betimes::cost {

/// Kernels whose time is decided by the same part of a device.
enum class KernelKind : uint8_t {
  convolution,
  pointwise,  // convolution of kernel 1 x 1
  depthwise,
  integer_convolution,
  product,  // of matrices
  vector_product,
  integer_product,
  attention,
  recurrent,
  elementwise,
  pooling,
  normalization,  // softmax, layer normalization, reductions
  quantization,   // to 8 bits and back
  movement,       // copies in another order or place
  other,
};
inline constexpr size_t kernel_kinds = static_cast<size_t>(KernelKind::other) + 1;
std::string_view name(KernelKind kind);

/// What a step of a plan asks of a device, whatever that device is.
struct KernelWork {
  KernelKind kind = KernelKind::other;
  double macs = 0;
  double bytes = 0;
  double read = 0, weights = 0, written = 0;  // elements
  /// As a product of matrices: rows x inner times inner x columns, `groups` of them; where nothing
  /// is multiplied, columns are the extent that is innermost in memory and rows the rest. Of
  /// attention: queries, width of a head, keys, heads.
  double rows = 1, inner = 0, columns = 1, groups = 1;
  double channels = 1;      // dimension 1 of a picture or a sequence
  double taps = 1;          // kernel height x width
  double inside = 1;        // share of the taps that lie in the picture, not in its padding
  double stride = 1;        // the larger one
  double dilation = 1;      // the larger one
  double width = 1;         // innermost extent of the picture or sequence that is written
  double run = 1;           // elements that lie together both where they are read and written
  double steps = 1;         // of a recurrence
  double functions = 0;     // elementwise functions of one or two numbers, fused ones included
  double exponentials = 0;  // of these, those that need exp, tanh and the like
  double divisions = 0;     // of these, quotients, reciprocals and roots
  double broadcasts = 0;    // operands of more than a number, but fewer than the result
  double context = 0;       // bytes that the whole plan moves: what the caches hold hangs on it
  int bits = 32;            // of what is multiplied or moved
  bool reference = false;   // no kernel of ours or oneDNN's took it
};
KernelWork work_of(const runtime::StepInfo& step);

/// One step of a plan, as cost models see it.
struct Kernel {
  std::string op;      // "Conv"
  std::string kernel;  // the implementation, "brgconv:avx512_core"
  KernelWork work;
};
std::vector<Kernel> kernels_of(const std::vector<runtime::StepInfo>& steps);

}  // namespace betimes::cost
