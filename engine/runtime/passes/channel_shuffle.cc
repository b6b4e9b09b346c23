#include "betimes/runtime/detail/pass_tools.h"
#include "betimes/runtime/passes/passes.h"

// ShuffleNet's channel shuffle, as exporters write it:
//   Reshape [C/g, g, H W] - Transpose (1, 0, 2) - Reshape [g, 1, C/g, H, W] - Gather k on axis 0
// of one image x [1, C, H, W] gives x[:, k::g]. Said so, it stays in the convolutions' layout.

namespace betimes::runtime {
namespace {

/// Index of a Gather that takes one element of axis 0.
std::optional<int64_t> gathered_index(Rewriter& rewriter, const Node& gather) {
  if (!is(&gather, "Gather") || gather.get("axis", int64_t{0}) != 0) return std::nullopt;
  const Tensor* index = rewriter.constant(gather.inputs[1]);
  if (!index || index->size() != 1 || !index->shape().empty()) return std::nullopt;
  const Tensor wide = index->cast(DType::i64);
  return wide.data<int64_t>()[0];
}

/// The image that the Gather's input shuffles, and into how many groups.
struct Shuffle {
  std::string image;
  int64_t groups = 0;
};

std::optional<Shuffle> shuffle_before(Rewriter& rewriter, const std::string& value) {
  const Node* last = rewriter.producer(value);
  if (!is(last, "Reshape")) return std::nullopt;
  const Node* turn = rewriter.producer(last->inputs[0]);
  if (!is(turn, "Transpose")) return std::nullopt;
  if (turn->get("perm", std::vector<int64_t>{}) != std::vector<int64_t>{1, 0, 2}) {
    return std::nullopt;
  }
  const Node* first = rewriter.producer(turn->inputs[0]);
  if (!is(first, "Reshape")) return std::nullopt;
  const Shape& image = rewriter.type(first->inputs[0]).shape;
  if (image.size() != 4 || image[0] != 1) return std::nullopt;
  const Shape& split = rewriter.type(first->outputs[0]).shape;
  const int64_t groups = split[1];
  if (groups < 1 || split[0] * groups != image[1] || split[2] != image[2] * image[3]) {
    return std::nullopt;
  }
  const Shape wanted = {groups, 1, split[0], image[2], image[3]};
  if (rewriter.type(value).shape != wanted) return std::nullopt;
  return Shuffle{first->inputs[0], groups};
}

bool rewrite(Rewriter& rewriter, Node& gather) {
  auto index = gathered_index(rewriter, gather);
  if (!index) return false;
  const auto shuffle = shuffle_before(rewriter, gather.inputs[0]);
  if (!shuffle) return false;
  if (*index < 0) *index += shuffle->groups;
  if (*index < 0 || *index >= shuffle->groups) return false;
  const auto number = [&](const char* what, int64_t value) {
    return rewriter.add_constant(gather.name + what,
                                 Tensor::from<int64_t>({1}, std::vector{value}));
  };
  const int64_t channels = rewriter.type(shuffle->image).shape[1];
  gather.op = "Slice";
  gather.inputs = {shuffle->image, number("_start", *index), number("_end", channels),
                   number("_axis", 1), number("_step", shuffle->groups)};
  gather.attributes.clear();
  rewriter.refresh();
  return true;
}

}  // namespace

graph::Pass channel_shuffle_pass() {
  return {"channel_shuffle", [](StaticGraph& graph) {
            Rewriter rewriter(graph);
            for (size_t i = 0; i < rewriter.size(); ++i) {
              if (rewrite(rewriter, rewriter.node(i))) rewriter.changed();
            }
            return rewriter.finish();
          }};
}

}  // namespace betimes::runtime
