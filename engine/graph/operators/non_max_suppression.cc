// NonMaxSuppression (11).
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

struct Box {
  float top, left, bottom, right;

  float area() const { return (bottom - top) * (right - left); }
};

/// Corners may come in either order.
Box from_corners(const float* p) {
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

Box from_centre(const float* p) {
  const float half_width = p[2] / 2;
  const float half_height = p[3] / 2;
  return {p[1] - half_height, p[0] - half_width, p[1] + half_height, p[0] + half_width};
}

/// Whether their intersection over union is above the threshold. Boxes without area overlap
/// nothing. In single precision, as the threshold is: that decides which side a tie falls on.
bool overlap(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0) || !(width > 0)) return false;
  const float common = height * width;
  const float whole = a.area() + b.area() - common;
  return common > 0 && whole > 0 && common / whole > threshold;
}

struct Options {
  bool centre = false;
  int64_t most = 0;  // boxes of each class
  float overlap = 0;
  std::optional<float> score;

  explicit Options(const NodeContext& context);
};

Options::Options(const NodeContext& context) : centre(flag(context, "center_point_box", false)) {
  if (context.present(2)) {
    require_single(context, 2);
    const auto values = context.integers(2, "max_output_boxes_per_class");
    most = values.empty() ? 0 : std::max<int64_t>(values[0], 0);
  }
  const auto real = [&](size_t i, const char* what) -> std::optional<float> {
    if (!context.present(i)) return std::nullopt;
    require_dtype(context, i, DType::f32);
    require_single(context, i);
    const Tensor& value = context.constant(i, what);
    return value.size() == 0 ? std::nullopt : std::optional(value.data<float>()[0]);
  };
  overlap = real(3, "iou_threshold").value_or(0.0f);
  if (!(overlap >= 0 && overlap <= 1)) {
    fail(context, "iou_threshold is " + std::to_string(overlap), "0 to 1");
  }
  score = real(4, "score_threshold");
}

/// The boxes of one class that are kept, best first; of equal scores the first box wins.
class Selector {
 public:
  Selector(const Options& options, std::vector<Box> boxes)
      : options_(options), boxes_(std::move(boxes)) {}

  const std::vector<int64_t>& select(const float* scores) {
    order_.clear();
    kept_.clear();
    for (int64_t i = 0; i < std::ssize(boxes_); ++i) {
      // A score that isn't a number has no rank; such boxes are never chosen.
      if (options_.score ? scores[i] > *options_.score : !std::isnan(scores[i])) {
        order_.push_back(i);
      }
    }
    std::stable_sort(order_.begin(), order_.end(),
                     [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
    for (const int64_t candidate : order_) {
      if (std::ssize(kept_) >= options_.most) break;
      const Box& box = boxes_[static_cast<size_t>(candidate)];
      const bool suppressed = std::any_of(kept_.begin(), kept_.end(), [&](int64_t other) {
        return overlap(box, boxes_[static_cast<size_t>(other)], options_.overlap);
      });
      if (!suppressed) kept_.push_back(candidate);
    }
    return kept_;
  }

 private:
  Options options_;
  std::vector<Box> boxes_;
  std::vector<int64_t> order_;
  std::vector<int64_t> kept_;
};

void check(const NodeContext& context) {
  require_rank(context, 0, 3, 3);
  require_rank(context, 1, 3, 3);
  require_dtype(context, 1, DType::f32);
  const Shape& boxes = context.shape(0);
  const Shape& scores = context.shape(1);
  if (boxes[2] != 4) fail(context, found_input(context, 0), "[batch, boxes, 4]");
  if (scores[0] != boxes[0] || scores[2] != boxes[1]) {
    fail(context, found_input(context, 1),
         "[" + std::to_string(boxes[0]) + ", classes, " + std::to_string(boxes[1]) + "]");
  }
}

/// A few bytes of file can make scores without end; each box may be compared with all those kept.
void check_work(const NodeContext& context, int64_t most) {
  constexpr double limit = 0x1p36;
  const Shape& scores = context.shape(1);
  const auto boxes = static_cast<double>(scores[2]);
  const double pairs = static_cast<double>(scores[0]) * static_cast<double>(scores[1]) * boxes *
                       std::min(boxes, static_cast<double>(most));
  if (pairs > limit) fail(context, "asks for an absurd number of comparisons of boxes");
}

/// {batch, class, box} of each that is kept.
std::vector<std::array<int64_t, 3>> selected(const NodeContext& context) {
  check(context);
  const Options options(context);
  check_work(context, options.most);
  const float* box = context.constant(0, "the boxes").data<float>().data();
  const float* scores = context.constant(1, "the scores").data<float>().data();
  const Shape& shape = context.shape(1);
  std::vector<std::array<int64_t, 3>> result;
  if (options.most == 0 || element_count(shape) == 0) return result;
  for (int64_t batch = 0; batch < shape[0]; ++batch) {
    std::vector<Box> boxes;
    for (int64_t i = 0; i < shape[2]; ++i, box += 4) {
      boxes.push_back(options.centre ? from_centre(box) : from_corners(box));
    }
    Selector selector(options, std::move(boxes));
    for (int64_t k = 0; k < shape[1]; ++k, scores += shape[2]) {
      for (const int64_t i : selector.select(scores)) result.push_back({batch, k, i});
    }
  }
  return result;
}

std::vector<TensorType> infer_selected(const NodeContext& context) {
  return one(DType::i64, {std::ssize(selected(context)), 3});
}

Evaluator prepare_selected(const NodeContext& context, std::span<const TensorType>) {
  return [rows = selected(context)](auto, auto outputs) {
    int64_t* y = outputs[0].template as<int64_t>();
    for (const auto& row : rows) y = std::copy(row.begin(), row.end(), y);
  };
}

}  // namespace

void register_non_max_suppression(OperatorRegistry& registry) {
  registry.add({.name = "NonMaxSuppression",
                .min_inputs = 2,
                .max_inputs = 5,
                .attributes = {{"center_point_box", AttributeKind::integer}},
                .types = {DType::f32},
                .infer = infer_selected,
                .prepare = prepare_selected});
}

}  // namespace betimes::graph
