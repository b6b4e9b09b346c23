#include "betimes/report/detail/runtime_facts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "betimes/report/detail/text.h"

namespace betimes::report::detail {
namespace {

std::string bytes(size_t number) { return format_bytes(static_cast<double>(number)); }

}  // namespace

std::string peaks(const measure::Machine& m) {
  std::string text = fmt::format("{:.1f} GB/s read, {:.0f} GFLOP/s fp32, {:.0f} GOP/s int8",
                                 m.read_gb_per_s, m.peak_gflops_fp32, m.peak_gops_int8);
  if (m.peak_gflops_bf16 > 0) text += fmt::format(", {:.0f} GFLOP/s bf16", m.peak_gflops_bf16);
  return text;
}

nlohmann::ordered_json memory_json(const MemoryUse& memory) {
  return {
      {"weight_bytes", memory.plan.weights},
      {"shared_weight_bytes", memory.plan.shared_weights},
      {"arena_bytes", memory.plan.arena},
      {"arena_least_bytes", memory.plan.arena_least},
      {"inputs_outputs_bytes", memory.plan.inputs_outputs},
      {"huge_page_bytes", memory.huge_page_bytes ? nlohmann::ordered_json(*memory.huge_page_bytes)
                                                 : nlohmann::ordered_json(nullptr)}};
}

nlohmann::ordered_json counts_json(const runtime::PlanCounts& counts) {
  return {{"compiled", counts.compiled},
          {"reused", counts.reused},
          {"evicted", counts.evicted},
          {"compile_ms", counts.compile_ms},
          {"last_compile_ms", counts.last_compile_ms},
          {"weight_bytes", counts.weight_bytes},
          {"shared_weight_bytes", counts.shared_weight_bytes}};
}

std::string huge_pages_text(size_t number) {
  return number > 0 ? fmt::format("{} on huge pages", bytes(number))
                    : "no huge pages: the system gave none";
}

std::string memory_text(const MemoryUse& memory) {
  std::string text = fmt::format(
      "{} of weights, {} of activations ({} is the least possible), {} of inputs and outputs",
      bytes(memory.plan.weights), bytes(memory.plan.arena), bytes(memory.plan.arena_least),
      bytes(memory.plan.inputs_outputs));
  if (memory.huge_page_bytes) text += "; " + huge_pages_text(*memory.huge_page_bytes);
  return text;
}

std::string counts_text(const runtime::PlanCounts& counts) {
  return fmt::format(
      "{} compiled in {}, {} reused, {} evicted; {} of weights, {} more if none were shared",
      counts.compiled, format_ms(counts.compile_ms), counts.reused, counts.evicted,
      bytes(counts.weight_bytes), bytes(counts.shared_weight_bytes));
}

}  // namespace betimes::report::detail
