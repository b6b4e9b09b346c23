#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Sizes of CBNet's networks as data, and what they cost on paper.

namespace betimes::systems::cbnet {

inline constexpr int64_t side = 28, classes = 10, pixels = side * side;

/// Channels of BranchyNet-LeNet. conv1 5x5, ReLU, pool; then the branch (3x3, ReLU, pool, one fully
/// connected layer: exit 1) and the trunk (5x5, ReLU, pool, 5x5 with padding 2, ReLU, pool, two
/// fully connected layers: exit 2).
struct LenetWidths {
  int64_t conv1 = 5;
  int64_t branch = 10;
  int64_t conv2 = 10, conv3 = 20, hidden = 84;
  bool operator==(const LenetWidths&) const = default;
};
/// The trunk's channels and hidden units `times` as many.
LenetWidths wider_trunk(const LenetWidths& widths, int64_t times);
/// About that share of all channels, one at least.
LenetWidths kept_share(const LenetWidths& widths, double share);

/// The converting autoencoder: 784 -> hidden1 -> hidden2 -> code -> 784, or back through the same
/// layers where `mirrored`.
struct ConverterWidths {
  int64_t hidden1 = 256, hidden2 = 128, code = 32;
  bool mirrored = false;
  bool operator==(const ConverterWidths&) const = default;
};

/// A plain network 784 -> hidden1 -> hidden2 -> 10 on raw pixels.
struct PlainWidths {
  int64_t hidden1 = 256, hidden2 = 128;
  bool operator==(const PlainWidths&) const = default;
};

/// Multiply-adds of one image. Biases, activations and pooling aren't counted.
int64_t conv1_macs(const LenetWidths& widths);
int64_t front_macs(const LenetWidths& widths);  // f: conv1 and the branch
int64_t trunk_macs(const LenetWidths& widths);  // what comes after conv1
int64_t converter_macs(const ConverterWidths& widths);
int64_t plain_macs(const PlainWidths& widths);

/// A network with what it is made of, for people.
struct Cost {
  std::string part, layers;
  int64_t macs = 0;
};
/// g, g with a mirrored decoder, f, the trunk, and the compositions that compete.
std::vector<Cost> cost_table(const LenetWidths& lenet, const ConverterWidths& converter);

/// Throws Error for a width that isn't positive.
void check(const LenetWidths& widths);
void check(const ConverterWidths& widths);
void check(const PlainWidths& widths);

}  // namespace betimes::systems::cbnet
