// Col2Im (18): columns [N, C * block elements, blocks] added up where their blocks lie in images.
#include <algorithm>

#include "betimes/graph/detail/check.h"
#include "betimes/graph/detail/types.h"
#include "betimes/graph/detail/walk.h"

namespace betimes::graph {
namespace {

using namespace detail;

constexpr int64_t largest = int64_t{1} << 31;  // products of two don't overflow

/// One spatial axis: block `b` has its element `k` at b * stride + k * dilation - before.
struct Axis {
  int64_t image, block, stride, dilation, before;
  int64_t count = 0;  // blocks
};

std::vector<int64_t> listed(const NodeContext& context, const std::string& attribute, size_t count,
                            int64_t otherwise) {
  const auto list = context.node.get(attribute, std::vector<int64_t>(count, otherwise));
  if (list.size() != count) {
    fail(context, "attribute '" + attribute + "' has " + std::to_string(list.size()) + " values",
         std::to_string(count));
  }
  for (const int64_t value : list) {
    bounded(context, "attribute '" + attribute + "'", value, otherwise, largest);
  }
  return list;
}

std::vector<Axis> axes_of(const NodeContext& context) {
  const auto image = context.integers(1, "the image's shape");
  const auto block = context.integers(2, "the block's shape");
  const size_t rank = image.size();
  if (rank == 0 || rank + 2 > max_rank || block.size() != rank) {
    fail(context,
         "the image has " + std::to_string(rank) + " dimensions and the block " +
             std::to_string(block.size()),
         "the same, 1 to " + std::to_string(max_rank - 2));
  }
  const auto strides = listed(context, "strides", rank, 1);
  const auto dilations = listed(context, "dilations", rank, 1);
  const auto pads = listed(context, "pads", 2 * rank, 0);
  std::vector<Axis> axes;
  for (size_t i = 0; i < rank; ++i) {
    Axis axis{bounded(context, "an image's extent", image[i], 0, largest),
              bounded(context, "a block's extent", block[i], 1, largest), strides[i], dilations[i],
              pads[i]};
    const int64_t room =
        axis.image + pads[i] + pads[rank + i] - axis.dilation * (axis.block - 1) - 1;
    if (room < 0) fail(context, "a block is larger than the padded image");
    axis.count = room / axis.stride + 1;
    axes.push_back(axis);
  }
  return axes;
}

std::vector<TensorType> infer(const NodeContext& context) {
  require_rank(context, 0, 3, 3);
  const std::vector<Axis> axes = axes_of(context);
  Shape block;
  Shape blocks;
  for (const Axis& axis : axes) {
    block.push_back(axis.block);
    blocks.push_back(axis.count);
  }
  const Shape& x = context.shape(0);
  const int64_t taps = element_count(block);
  if (x[1] % taps != 0 || x[2] != element_count(blocks)) {
    fail(context, found_input(context, 0),
         "a multiple of " + std::to_string(taps) + " rows and " +
             std::to_string(element_count(blocks)) + " columns");
  }
  Shape shape{x[0], x[1] / taps};
  for (const Axis& axis : axes) shape.push_back(axis.image);
  return one(context.type(0).dtype, shape);
}

/// Adds the row of columns that holds one element of every block to one image.
struct Placing {
  std::vector<Axis> axes;

  template <class T>
  void add(size_t i, int64_t tap, int64_t taps, int64_t at, const T*& column, T* image,
           bool inside) const {
    if (i == axes.size()) {
      using W = Wrapping<Compute<T>>;
      if (inside) {
        image[at] = store<T>(static_cast<Compute<T>>(static_cast<W>(load(image[at])) +
                                                     static_cast<W>(load(*column))));
      }
      ++column;
      return;
    }
    const Axis& axis = axes[i];
    const int64_t inner = taps / axis.block;
    for (int64_t b = 0; b < axis.count; ++b) {
      const int64_t place = b * axis.stride + tap / inner * axis.dilation - axis.before;
      const bool within = inside && place >= 0 && place < axis.image;
      add(i + 1, tap % inner, inner, within ? at * axis.image + place : 0, column, image, within);
    }
  }
};

Evaluator prepare(const NodeContext& context, std::span<const TensorType> outputs) {
  const Shape& y = outputs[0].shape;
  const int64_t planes = y[0] * y[1];
  const int64_t plane = element_count({y.begin() + 2, y.end()});
  int64_t taps = 1;
  const Placing placing{axes_of(context)};
  for (const Axis& axis : placing.axes) taps *= axis.block;
  return Numbers::dispatch(context.type(0).dtype, [&](auto zero) -> Evaluator {
    using T = decltype(zero);
    return [=](auto inputs, auto results) {
      const T* column = inputs[0].template as<const T>();
      T* image = results[0].template as<T>();
      std::fill_n(image, planes * plane, T{});
      for (int64_t p = 0; p < planes; ++p, image += plane) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          placing.add(0, tap, taps, int64_t{0}, column, image, true);
        }
      }
    };
  });
}

}  // namespace

void register_col2im(OperatorRegistry& registry) {
  registry.add({.name = "Col2Im",
                .min_inputs = 3,
                .max_inputs = 3,
                .attributes = {{"dilations", AttributeKind::integers},
                               {"pads", AttributeKind::integers},
                               {"strides", AttributeKind::integers}},
                .types = Numbers::list(),
                .infer = infer,
                .prepare = prepare});
}

}  // namespace betimes::graph
