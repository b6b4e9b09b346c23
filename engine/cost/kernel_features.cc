#include "betimes/cost/kernel_features.h"

#include <algorithm>
#include <cmath>

#include "betimes/base/cpu.h"

namespace betimes::cost {
namespace {

/// Operators whose time per byte differs from others of their kind.
constexpr const char* operators[] = {"Concat",
                                     "Slice",
                                     "Transpose",
                                     "Reorder",
                                     "Gather",
                                     "Pad",
                                     "Split",
                                     "MaxPool",
                                     "Resize",
                                     "GlobalAveragePool",
                                     "Softmax",
                                     "LayerNormalization",
                                     "GRU",
                                     "LSTM",
                                     "ConvTranspose",
                                     "QuantizeLinear",
                                     "DequantizeLinear",
                                     "Elementwise",
                                     "Cast",
                                     "Log",
                                     "Pow",
                                     "ReduceMean"};
/// Parts of the names of implementations.
constexpr const char* implementations[] = {"brg",    "jit",      "gemm",   "1x1",       "dw",
                                           "panels", "vector",   "copy",   "transpose", "tiles",
                                           "ref",    "baseline", "strided"};

float log_of(double value) { return static_cast<float>(std::log2(1 + std::max(value, 0.0))); }

/// By how much an extent grows when it is made a multiple of `block`, as a logarithm.
float filled_up(double extent, double block) {
  return extent > 0 ? static_cast<float>(std::log2(std::ceil(extent / block) * block / extent)) : 0;
}

/// Whether 8-bit numbers go in and fp32 ones come out: four bytes for one to write, and no
/// requantising. (Kernels that quantise, which read floats, pass for such, too: their kind tells.)
bool widens(const KernelWork& work) {
  return work.bits == 8 && work.bytes - work.read - work.weights > 2.5 * work.written;
}

double isa_rank(const std::string& isa) {
  const std::optional<Isa> level = parse_isa(isa);
  return level ? static_cast<double>(*level) : 0;
}

double peak_of(const KernelWork& work, const measure::Machine& machine) {
  if (work.bits == 8 && machine.peak_gops_int8 > 0) return machine.peak_gops_int8;
  if (work.bits == 16 && machine.peak_gflops_bf16 > 0) return machine.peak_gflops_bf16;
  return machine.peak_gflops_fp32;
}

}  // namespace

Roofline roofline(const KernelWork& work, const measure::Machine& machine) {
  const double compute = 2 * work.macs / (peak_of(work, machine) * 1e6);
  const double memory = work.bytes / (machine.read_gb_per_s * 1e6);
  return {std::max(compute, memory), compute > memory};
}

const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (size_t i = 0; i < kernel_kinds; ++i) {
      all.emplace_back(name(static_cast<KernelKind>(i)));
    }
    for (const char* op : operators) all.emplace_back(op);
    for (const char* part : implementations) all.emplace_back(part);
    for (const char* each : {"macs",
                             "bytes",
                             "intensity",
                             "read",
                             "weights",
                             "written",
                             "rows",
                             "inner",
                             "columns",
                             "groups",
                             "channels",
                             "taps",
                             "context",
                             "input channels",
                             "columns to 16",
                             "columns to 8",
                             "input channels to 16",
                             "stride",
                             "steps",
                             "functions",
                             "exponentials",
                             "bits",
                             "reference",
                             "compute bound",
                             "isa",
                             "threads",
                             "peak",
                             "bandwidth",
                             "dilation",
                             "width",
                             "run",
                             "divisions",
                             "broadcasts",
                             "inside",
                             "macs inside",
                             "part of context",
                             "widens"}) {
      all.emplace_back(each);
    }
    return all;
  }();
  return names;
}

std::array<float, feature_count> features(const Kernel& kernel, const measure::Machine& machine) {
  const KernelWork& work = kernel.work;
  std::array<float, feature_count> all{};
  all[static_cast<size_t>(work.kind)] = 1;
  size_t at = kernel_kinds;
  for (const char* op : operators) all[at++] = kernel.op == op ? 1.0f : 0.0f;
  for (const char* part : implementations) {
    all[at++] = kernel.kernel.find(part) == std::string::npos ? 0.0f : 1.0f;
  }
  for (const double each : {work.macs, work.bytes}) all[at++] = log_of(each);
  all[at++] = log_of(work.macs) - log_of(work.bytes);
  for (const double each : {work.read, work.weights, work.written, work.rows, work.inner,
                            work.columns, work.groups, work.channels, work.taps, work.context}) {
    all[at++] = log_of(each);
  }
  // Vectors and blocks are filled up: 24 channels cost as much as 32.
  const double inputs = work.macs > 0 ? work.inner / std::max(work.taps, 1.0) : work.channels;
  const double outputs = work.kind == KernelKind::depthwise ? work.groups : work.columns;
  all[at++] = log_of(inputs);
  all[at++] = filled_up(outputs, 16);
  all[at++] = filled_up(outputs, 8);
  all[at++] = filled_up(inputs, 16);
  all[at++] = static_cast<float>(work.stride);
  all[at++] = log_of(work.steps);
  all[at++] = static_cast<float>(work.functions);
  all[at++] = static_cast<float>(work.exponentials);
  all[at++] = static_cast<float>(work.bits);
  all[at++] = work.reference ? 1.0f : 0.0f;
  all[at++] = roofline(work, machine).compute ? 1.0f : 0.0f;
  all[at++] = static_cast<float>(isa_rank(machine.isa));
  all[at++] = static_cast<float>(machine.threads);
  all[at++] = log_of(peak_of(work, machine));
  all[at++] = log_of(machine.read_gb_per_s);
  all[at++] = static_cast<float>(work.dilation);
  all[at++] = log_of(work.width);
  all[at++] = log_of(work.run);
  all[at++] = static_cast<float>(work.divisions);
  all[at++] = static_cast<float>(work.broadcasts);
  all[at++] = static_cast<float>(std::log2(std::max(work.inside, 1e-3)));
  all[at++] = log_of(work.macs * work.inside);
  all[at++] = log_of(work.bytes) - log_of(work.context);
  all[at++] = widens(work) ? 1.0f : 0.0f;
  return all;
}

}  // namespace betimes::cost
