#include "systems/search/cbnet/nets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "betimes/base/error.h"

namespace betimes::systems::cbnet {
namespace {

struct Conv {
  int64_t in, out, kernel, places;  // places: a side of the output
  int64_t macs() const { return in * out * kernel * kernel * places * places; }
};

// Sides of the maps: 28 -conv1-> 24 -pool-> 12, then 10 -pool-> 5 in the branch and
// 8 -pool-> 4 -conv3-> 4 -pool-> 2 in the trunk.
Conv conv1(const LenetWidths& w) { return {1, w.conv1, 5, 24}; }
Conv branch(const LenetWidths& w) { return {w.conv1, w.branch, 3, 10}; }
Conv conv2(const LenetWidths& w) { return {w.conv1, w.conv2, 5, 8}; }
Conv conv3(const LenetWidths& w) { return {w.conv2, w.conv3, 5, 4}; }

std::string text(const Conv& conv) {
  return fmt::format("{0}x{0}x{1}x{2} at {3}x{3}", conv.kernel, conv.in, conv.out, conv.places);
}

void check_positive(const char* where, std::initializer_list<int64_t> widths) {
  for (const int64_t width : widths) {
    if (width < 1) throw Error(where, fmt::format("has a width of {}", width), "1 or more");
  }
}

}  // namespace

LenetWidths wider_trunk(const LenetWidths& widths, int64_t times) {
  LenetWidths wide = widths;
  wide.conv2 *= times;
  wide.conv3 *= times;
  wide.hidden *= times;
  check(wide);
  return wide;
}

LenetWidths kept_share(const LenetWidths& widths, double share) {
  if (!(share > 0 && share <= 1)) throw Error("share of channels", "isn't in (0, 1]");
  const auto kept = [&](int64_t width) {
    return std::max<int64_t>(1, std::llround(share * static_cast<double>(width)));
  };
  return {kept(widths.conv1), kept(widths.branch), kept(widths.conv2), kept(widths.conv3),
          kept(widths.hidden)};
}

int64_t conv1_macs(const LenetWidths& w) { return conv1(w).macs(); }

int64_t front_macs(const LenetWidths& w) {
  return conv1_macs(w) + branch(w).macs() + 25 * w.branch * classes;
}

int64_t trunk_macs(const LenetWidths& w) {
  return conv2(w).macs() + conv3(w).macs() + 4 * w.conv3 * w.hidden + w.hidden * classes;
}

int64_t converter_macs(const ConverterWidths& w) {
  const int64_t encoder = pixels * w.hidden1 + w.hidden1 * w.hidden2 + w.hidden2 * w.code;
  return encoder + (w.mirrored ? encoder : w.code * pixels);
}

int64_t plain_macs(const PlainWidths& w) {
  return pixels * w.hidden1 + w.hidden1 * w.hidden2 + w.hidden2 * classes;
}

std::vector<Cost> cost_table(const LenetWidths& lenet, const ConverterWidths& converter) {
  ConverterWidths one_layer = converter, mirrored = converter;
  one_layer.mirrored = false;
  mirrored.mirrored = true;
  const std::string encoder = fmt::format("784x{0} + {0}x{1} + {1}x{2}", converter.hidden1,
                                          converter.hidden2, converter.code);
  const int64_t g = converter_macs(converter), f = front_macs(lenet), trunk = trunk_macs(lenet);
  return {
      {"g", fmt::format("{} + {}x784", encoder, converter.code), converter_macs(one_layer)},
      {"g, mirrored decoder", fmt::format("{}, twice", encoder), converter_macs(mirrored)},
      {"f",
       fmt::format("{}, {}, {}x10", text(conv1(lenet)), text(branch(lenet)), 25 * lenet.branch), f},
      {"trunk after conv1",
       fmt::format("{}, {}, {}x{}, {}x10", text(conv2(lenet)), text(conv3(lenet)), 4 * lenet.conv3,
                   lenet.hidden, lenet.hidden),
       trunk},
      {"CBNet", "g, f", g + f},
      {"LeNet", "conv1, trunk", conv1_macs(lenet) + trunk},
      {"BranchyNet, all the way", "f, trunk", f + trunk},
      {"controller, worst case", "f, g, f", f + g + f}};
}

void check(const LenetWidths& w) {
  check_positive("LeNet", {w.conv1, w.branch, w.conv2, w.conv3, w.hidden});
}
void check(const ConverterWidths& w) {
  check_positive("converter", {w.hidden1, w.hidden2, w.code});
}
void check(const PlainWidths& w) { check_positive("plain network", {w.hidden1, w.hidden2}); }

}  // namespace betimes::systems::cbnet
