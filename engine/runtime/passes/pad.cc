#include <algorithm>

#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

namespace betimes::runtime {
namespace {

/// Zeros added before and after the spatial dimensions of [N, C, ...]; nullopt for other Pads.
std::optional<std::vector<int64_t>> spatial_zeros(Rewriter& rewriter, const Node& pad) {
  if (!is(&pad, "Pad") || pad.get("mode", "constant") != "constant") return std::nullopt;
  const Tensor* pads = pad.inputs.size() > 1 ? rewriter.constant(pad.inputs[1]) : nullptr;
  if (!pads || pads->dtype() != DType::i64) return std::nullopt;
  if (pad.inputs.size() > 2 && !pad.inputs[2].empty() &&
      uniform_value(rewriter.constant(pad.inputs[2])) != 0.0f) {
    return std::nullopt;
  }
  // Pads of chosen axes only.
  if (pad.inputs.size() > 3 && !pad.inputs[3].empty()) return std::nullopt;
  const auto given = pads->data<int64_t>();
  const size_t rank = rewriter.type(pad.inputs[0]).shape.size();
  if (given.size() != 2 * rank || rank < 3) return std::nullopt;
  if (std::any_of(given.begin(), given.end(), [](int64_t x) { return x < 0; })) return std::nullopt;
  if (given[0] || given[1] || given[rank] || given[rank + 1]) return std::nullopt;
  std::vector<int64_t> zeros(given.begin() + 2, given.begin() + static_cast<std::ptrdiff_t>(rank));
  zeros.insert(zeros.end(), given.begin() + static_cast<std::ptrdiff_t>(rank) + 2, given.end());
  return zeros;
}

bool fuse(Rewriter& rewriter, Node& node) {
  const bool convolution = node.op == "Conv";
  const bool pooling = is(&node, "AveragePool") && node.get("ceil_mode", int64_t{0}) == 0;
  if (!convolution && !pooling) return false;
  if (node.get("auto_pad", "NOTSET") != "NOTSET") return false;
  Node* pad = rewriter.producer(node.inputs[0]);
  if (!pad || !rewriter.only_consumer(node.inputs[0])) return false;
  const auto zeros = spatial_zeros(rewriter, *pad);
  if (!zeros) return false;
  auto pads = node.get("pads", std::vector<int64_t>(zeros->size(), 0));
  if (pads.size() != zeros->size()) return false;
  if (pooling) {
    // The mean counts the zeros that Pad made; it must already count the window's own, if any.
    const bool own = std::any_of(pads.begin(), pads.end(), [](int64_t x) { return x != 0; });
    if (own && node.get("count_include_pad", int64_t{0}) == 0) return false;
    const auto kernel = node.get("kernel_shape", std::vector<int64_t>{});
    for (size_t i = 0; i < pads.size(); ++i) {
      if (pads[i] + (*zeros)[i] >= kernel.at(i % kernel.size())) return false;
    }
    node.attributes["count_include_pad"] = int64_t{1};
  }
  for (size_t i = 0; i < pads.size(); ++i) pads[i] += (*zeros)[i];
  node.attributes["pads"] = pads;
  node.inputs[0] = pad->inputs[0];
  if (convolution && node.domain == "betimes") absorb(node, *pad);
  rewriter.remove(*pad);
  rewriter.refresh();
  return true;
}

}  // namespace

graph::Pass pad_pass() { return node_pass("pad", fuse); }

}  // namespace betimes::runtime
