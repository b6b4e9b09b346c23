// DeformConv (19): a convolution whose every tap reads where an input says, between the elements
// (Dai et al., "Deformable convolutional networks", 2017), times what a mask says (Zhu et al.,
// "Deformable ConvNets v2", 2019).
#include <algorithm>
#include <array>
#include <cmath>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/convolution.h"
#include "betimes/graph/detail/types.h"

namespace betimes::graph {
namespace {

using namespace detail;

constexpr size_t offset_input = 2;
constexpr size_t bias_input = 3;
constexpr size_t mask_input = 4;

struct Deformed {
  Convolution conv;
  int64_t offset_groups = 1;

  int64_t channels() const { return conv.groups * conv.in; }
};

Deformed deformed(const NodeContext& context) {
  Deformed result{convolution(context), context.node.get("offset_group", int64_t{1})};
  const int64_t channels = result.channels();
  if (result.offset_groups < 1 || channels % result.offset_groups != 0) {
    fail(context, "offset_group is " + std::to_string(result.offset_groups),
         "a divisor of the " + std::to_string(channels) + " channels");
  }
  return result;
}

std::vector<TensorType> infer(const NodeContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    if (context.present(i)) require_same_dtype(context, i, 0);
  }
  const Deformed deform = deformed(context);
  const Convolution& conv = deform.conv;
  const int64_t taps = deform.offset_groups * conv.window.taps();
  const auto rank = static_cast<int64_t>(conv.window.rank);
  require_shape(context, offset_input, conv.window.output_shape(conv.batch, taps * rank));
  if (context.present(bias_input)) require_shape(context, bias_input, {conv.groups * conv.out});
  if (context.present(mask_input)) {
    require_shape(context, mask_input, conv.window.output_shape(conv.batch, taps));
  }
  return one(context.type(0).dtype, conv.window.output_shape(conv.batch, conv.groups * conv.out));
}

/// The elements around a point and their weights; those outside aren't among them.
struct Corners {
  std::array<int64_t, 8> index{};
  std::array<double, 8> weight{};
  size_t count = 0;

  template <class T>
  double mixed(const T* plane) const {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += weight[i] * static_cast<double>(plane[index[i]]);
    return sum;
  }
};

/// `point` has a coordinate for depth, height and width; `factor` scales the weights.
Corners corners_at(const Window& window, const std::array<double, 3>& point, double factor) {
  Corners corners;
  for (size_t i = 0; i < 8; ++i) {
    int64_t index = 0;
    double weight = factor;
    for (size_t axis = 0; axis < 3; ++axis) {
      const double below = std::floor(point[axis]);
      const bool above = (i >> axis & 1U) != 0;
      const double place = above ? below + 1 : below;
      weight *= above ? point[axis] - below : 1 - (point[axis] - below);
      // Written so that NaN is outside.
      const bool inside = place >= 0 && place <= static_cast<double>(window.axes[axis].in - 1);
      if (!inside) weight = 0;
      index = index * window.axes[axis].in + (inside ? static_cast<int64_t>(place) : 0);
    }
    if (weight == 0) continue;
    corners.index[corners.count] = index;
    corners.weight[corners.count++] = weight;
  }
  return corners;
}

/// Output o and window position k as depth, height, width.
std::array<int64_t, 3> split(int64_t i, int64_t height, int64_t width) {
  return {i / width / height, i / width % height, i % width};
}

template <class T>
class Runner {
 public:
  Runner(const Deformed& deform, std::span<const TensorView> inputs, const TensorView& output)
      : deform_(deform),
        conv_(deform.conv),
        x_(inputs[0].as<T>()),
        w_(inputs[1].as<T>()),
        offset_(inputs[offset_input].as<T>()),
        bias_(inputs.size() > bias_input ? inputs[bias_input].as<T>() : nullptr),
        mask_(inputs.size() > mask_input ? inputs[mask_input].as<T>() : nullptr),
        y_(output.as<T>()) {}

  void run() {
    const int64_t out = conv_.window.out();
    const int64_t channels = conv_.groups * conv_.out;
    for (int64_t i = 0; i < conv_.batch * channels; ++i) {
      std::fill_n(y_ + i * out, out, bias_ ? bias_[i % channels] : T{});
    }
    for (int64_t n = 0; n < conv_.batch; ++n) {
      for (int64_t g = 0; g < deform_.offset_groups; ++g) {
        for (int64_t k = 0; k < conv_.window.taps(); ++k) {
          for (int64_t o = 0; o < out; ++o) add(n, g, k, o);
        }
      }
    }
  }

 private:
  /// What window position k of offset group g gives to output o of all channels.
  void add(int64_t n, int64_t g, int64_t k, int64_t o) {
    const Window& window = conv_.window;
    const int64_t out = window.out();
    const int64_t tap = (n * deform_.offset_groups + g) * window.taps() + k;
    const double factor = mask_ ? static_cast<double>(mask_[tap * out + o]) : 1;
    const Corners corners = corners_at(window, point(tap, k, o), factor);
    if (corners.count == 0) return;
    const int64_t each = deform_.channels() / deform_.offset_groups;
    for (int64_t c = g * each; c < (g + 1) * each; ++c) {
      const double value = corners.mixed(x_ + (n * deform_.channels() + c) * window.in());
      const int64_t group = c / conv_.in;
      for (int64_t i = 0; i < conv_.out; ++i) {
        const int64_t channel = group * conv_.out + i;
        const T weight = w_[(channel * conv_.in + c % conv_.in) * window.taps() + k];
        y_[(n * conv_.groups * conv_.out + channel) * out + o] += static_cast<T>(weight * value);
      }
    }
  }

  std::array<double, 3> point(int64_t tap, int64_t k, int64_t o) const {
    const auto& axes = conv_.window.axes;
    const auto at = split(o, axes[1].out, axes[2].out);
    const auto position = split(k, axes[1].kernel, axes[2].kernel);
    const size_t rank = conv_.window.rank;
    std::array<double, 3> point{};
    for (size_t axis = 3 - rank; axis < 3; ++axis) {
      const auto place = tap * static_cast<int64_t>(rank) + static_cast<int64_t>(axis + rank - 3);
      point[axis] = static_cast<double>(axes[axis].input(at[axis], position[axis])) +
                    static_cast<double>(offset_[place * conv_.window.out() + o]);
    }
    return point;
  }

  const Deformed& deform_;
  const Convolution& conv_;
  const T* x_;
  const T* w_;
  const T* offset_;
  const T* bias_;
  const T* mask_;
  T* y_;
};

Evaluator prepare(const NodeContext& context, std::span<const TensorType>) {
  return Wide::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [deform = deformed(context)](auto inputs, auto outputs) {
      Runner<T>(deform, inputs, outputs[0]).run();
    };
  });
}

}  // namespace

void register_deform_conv(OperatorRegistry& registry) {
  registry.add({.name = "DeformConv",
                .min_inputs = 3,
                .max_inputs = 5,
                .attributes = {{"dilations", AttributeKind::integers},
                               {"group", AttributeKind::integer},
                               {"kernel_shape", AttributeKind::integers},
                               {"offset_group", AttributeKind::integer},
                               {"pads", AttributeKind::integers},
                               {"strides", AttributeKind::integers}},
                .types = Wide::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph
