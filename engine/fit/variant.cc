#include "betimes/fit/variant.h"

#include "betimes/base/cpu.h"

namespace betimes::fit {

std::string_view name(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      break;
  }
  return "int8";
}

Precision Assignment::of(const std::string& node) const {
  const auto found = lowered.find(node);
  return found == lowered.end() ? Precision::fp32 : found->second;
}

std::set<std::string> Assignment::nodes(Precision precision) const {
  std::set<std::string> result;
  for (const auto& [node, lower] : lowered) {
    if (lower == precision) result.insert(node);
  }
  return result;
}

Setting to_setting(const Assignment& assignment) {
  Setting setting;
  setting["threads"] = int64_t{assignment.threads};
  if (!assignment.nodes(Precision::int8).empty()) {
    setting["calibration"] = std::string(name(assignment.calibration));
  }
  for (const auto& [node, precision] : assignment.lowered) {
    setting["precision/" + node] = std::string(name(precision));
  }
  return setting;
}

Variants::Variants(graph::Graph prepared, std::map<std::string, Distribution> seen)
    : prepared_(std::move(prepared)), seen_(std::move(seen)), nodes_(lowerable_nodes(prepared_)) {
  precisions_.push_back(Precision::int8);
  if (active_isa() >= Isa::avx512_bf16) precisions_.push_back(Precision::bf16);
}

graph::Graph Variants::build(const Assignment& assignment) const {
  const std::set<std::string> nodes = assignment.nodes(Precision::int8);
  if (nodes.empty()) return prepared_;
  std::map<std::string, Range> ranges;
  for (const auto& [value, distribution] : seen_) {
    ranges[value] = find_range(distribution, assignment.calibration);
  }
  // Without VNNI, 8-bit products are summed in pairs in 16 bits: 7-bit weights keep that exact.
  return quantize(prepared_, nodes, ranges, {.reduced_range = active_isa() < Isa::avx512_vnni});
}

std::shared_ptr<const runtime::Plan> Variants::compile(const Assignment& assignment) const {
  return compile(assignment, assignment.threads);
}

std::shared_ptr<const runtime::Plan> Variants::compile(const Assignment& assignment,
                                                       int threads) const {
  runtime::CompileOptions options;
  options.threads = threads;
  options.bf16 = assignment.nodes(Precision::bf16);
  return runtime::compile(build(assignment), options);
}

}  // namespace betimes::fit
