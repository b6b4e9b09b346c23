#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Convolutional networks made of blocks, as plain data: what architecture searches choose among,
// cost tables are about, and train_blocks.h builds.

namespace betimes::systems::search {

enum class Operator {
  conv,       // k x k convolution, batch norm, activation
  separable,  // k x k depthwise, then 1 x 1 to the width, which stays linear
  mbconv,  // 1 x 1 to `expansion` times the channels, k x k depthwise, 1 x 1 linear (MobileNetV2)
  pointwise,   // 1 x 1 convolution, batch norm, activation
  classifier,  // mean over the image, then a linear layer
  zero,        // nothing: what comes in goes out
};
const char* name(Operator op);

/// What is added to a layer's output.
enum class Skip {
  none,
  identity,  // the input, where stride and width keep its shape
  pool,      // the input, averaged over 3 x 3 with the layer's stride; missing channels are zeros
};
const char* name(Skip skip);

/// `repeats` layers that are alike, except that the first alone has the stride and changes the
/// width. Where a layer changes its input's shape an identity skip is left out, as in MobileNetV2.
struct Block {
  Operator op = Operator::mbconv;
  int kernel = 3;      // odd
  int expansion = 6;   // mbconv's
  double squeeze = 0;  // channels of squeeze-and-excitation per input channel; 0: none
  Skip skip = Skip::identity;
  int width = 16;
  int repeats = 1;
  int stride = 1;
  bool operator==(const Block&) const = default;
};

/// Stem (3 x 3), blocks, a 1 x 1 convolution to `head` channels, mean, classifier.
struct BlockNet {
  int channels = 1;     // of the images
  int resolution = 28;  // height and width of the images
  int stem = 16;
  int stem_stride = 2;
  std::vector<Block> blocks;
  int head = 160;  // 0: none
  int classes = 10;
  bool relu6 = false;
  double epsilon = 1e-3;  // of batch norm
};

/// One layer with all that its cost hangs on.
struct Layer {
  Operator op = Operator::mbconv;
  int in = 1, out = 1;
  int resolution = 1;  // of its input
  int kernel = 1, stride = 1, expansion = 1;
  double squeeze = 0;
  Skip skip = Skip::none;
  bool relu6 = false;
  bool operator==(const Layer&) const = default;

  int out_resolution() const { return (resolution + stride - 1) / stride; }
  int middle() const;            // channels between expansion and projection
  int squeeze_channels() const;  // 0: none
};

/// All layers in order. Throws Error naming the block for what can't be built: even kernels, widths
/// or repeats below 1, zero that changes the shape, a pooled skip to fewer channels.
std::vector<Layer> layers(const BlockNet& net);

/// Names a layer in cost tables: equal exactly for equal layers.
/// "mbconv i16 o24 r14 k3 s2 e6 se0 none".
std::string key(const Layer& layer);

/// Multiply-accumulates of one image, and parameters (of batch norms two a channel). Additions,
/// activations and pooling aren't counted.
int64_t macs(const Layer& layer);
int64_t macs(const BlockNet& net);
int64_t parameters(const Layer& layer);
int64_t parameters(const BlockNet& net);

/// `value` rounded to a multiple of `divisor`, one at least, and not below nine tenths of `value`
/// (MobileNetV2's rule).
int rounded_width(double value, int divisor);
/// All widths but the classes times `width`, rounded to multiples of `divisor`.
BlockNet scaled(const BlockNet& net, double width, int divisor = 4);

/// "k3 e6 w24 x2 s2, ...": for people.
std::string describe(const BlockNet& net);

/// A block as MnasNet's code writes it: "r4_k5_s22_e6_i96_o192_se0.25_noskip". Throws Error for
/// anything else; the input width, which the block itself doesn't have, goes to `in`.
Block parse_block(const std::string& text, int& in);

}  // namespace betimes::systems::search
