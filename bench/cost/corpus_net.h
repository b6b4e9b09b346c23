#pragma once

#include <map>
#include <string>
#include <vector>

#include "betimes/base/random.h"
#include "betimes/graph/builder.h"

// What the families of made networks are written with.

namespace betimes::bench {

using Ints = std::vector<int64_t>;

constexpr double most_macs = 4e8;

/// A graph being written, and the random numbers that choose it.
class Net : public graph::Builder {
 public:
  Net(const std::string& name, uint64_t seed) : Builder(name), random(seed) {}

  Random random;
  double macs = 0;
  bool short_chains = false;  // of kernels: what they read is in a nearer cache then

  int64_t pick(const Ints& choices) { return choices[random.below(choices.size())]; }
  bool chance(double p) { return random.uniform() < p; }
  /// Log-uniform.
  int64_t between(int64_t low, int64_t high);
  std::string weights(const Shape& shape, int64_t fan_in);
};

/// A picture (or a sequence: `high` is 1) as it runs through a network.
struct Picture {
  std::string at;
  int64_t channels = 0, high = 0, wide = 0;
};

struct Convolution {
  int64_t out = 0, kernel = 3, stride = 1, groups = 1, activation = 1;
};

/// 0: none; 1 to 6: ReLU, ReLU6, swish, hard swish, leaky ReLU, hard swish spelled out.
std::string activation(Net& net, const std::string& x, int64_t kind);
Picture convolve(Net& net, Picture p, const Convolution& c);
Picture start(Net& net, int64_t channels, int64_t high, int64_t wide);
std::string dense(Net& net, const std::string& x, int64_t in, int64_t out, int64_t rows = 1);
/// Averages the picture away and scores classes.
std::string classify(Net& net, const Picture& p);
/// Squeeze and excitation (Hu et al., 2018).
Picture excite(Net& net, Picture p);
/// Over the last axis.
std::string norm(Net& net, const std::string& x, int64_t width);
std::string gelu(Net& net, const std::string& x);
/// One to six functions of single numbers on x, as exporters leave them behind. Some of their
/// operands are x itself, others constants of `parameters`, a shape that broadcasts to x's.
std::string functions(Net& net, const std::string& x, const Shape& parameters);
/// An LSTM or a GRU over x [steps, 1, in], mostly with a bias and with states that come from
/// outside, as streams have them: [steps, 1, hidden].
std::string recur(Net& net, const std::string& x, int64_t steps, int64_t in, int64_t hidden);
/// Attention of the rows [1, rows, width] to each other: projections, heads, an output projection.
std::string attend(Net& net, const std::string& x, int64_t rows, int64_t width, int64_t heads);

// The families. Whole networks of pictures:
graph::Graph plain(Net& net);
graph::Graph mobile(Net& net);
graph::Graph residual(Net& net);
/// Two scales, their features put together, and heads laid out as lists of boxes.
graph::Graph detector(Net& net);
/// Halves of the channels that take turns (ShuffleNet V2, Ma et al., 2018).
graph::Graph shuffle(Net& net);
/// A picture down and up again, as segmentation has it: branches put together, transposed
/// convolutions.
graph::Graph segmenter(Net& net);
/// What follows a detector's heads: long lists of few numbers each, cut up and put together.
graph::Graph boxes(Net& net);

// Whole networks of rows and sequences:
/// Embeddings and a tower, or a tower alone.
graph::Graph tower(Net& net);
graph::Graph encoder(Net& net);
graph::Graph recurrence(Net& net);
/// Filters over time, magnitudes, pooling, a short recurrence.
graph::Graph sequence(Net& net);
/// A frame, filters' states and a mask or two, as in noise suppression and voice activity:
/// everything of one row.
graph::Graph frame(Net& net);
/// A short-time Fourier transform as a convolution, and what is done with its magnitudes.
graph::Graph spectrum(Net& net);

// A few kernels in a row, each of any shape: what whole networks leave out.
/// Convolutions of any channel count, kernel, stride; pooling, movement.
graph::Graph picture_kernels(Net& net);
/// Products of any extents, normalization, reductions, movement.
graph::Graph row_kernels(Net& net);
/// Everything of one row: small products, recurrences, copies.
graph::Graph vector_kernels(Net& net);
/// Functions of single numbers, between which something cheap keeps them apart.
graph::Graph function_kernels(Net& net);

}  // namespace betimes::bench
