#include "systems/hardware/help/network.h"

#include <fmt/format.h>

#include <Eigen/Dense>

#include "betimes/base/error.h"

namespace betimes::systems::help {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Matrix>;

View weight_of(const Layer& layer) { return {layer.weight.data(), layer.out, layer.in}; }

Matrix affine(const Layer& layer, const Matrix& x) {
  Matrix y = x * weight_of(layer).transpose();
  y.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(layer.bias.data(), layer.out);
  return y;
}

Matrix relu(Matrix x) { return x.cwiseMax(0.0f); }

/// What each layer was given; one entry a layer. `above` is what the last one gave.
struct Branch {
  std::vector<Matrix> inputs;
  Matrix above;
};

/// Sums over the nodes that each node reads. x: [nodes * count, width], node by node.
Matrix mix(const View& adjacency, const Matrix& x) {
  const Eigen::Index nodes = adjacency.cols(), row = x.size() / nodes;
  Matrix mixed = adjacency * View(x.data(), nodes, row);
  return Eigen::Map<const Matrix>(mixed.data(), adjacency.rows() * row / x.cols(), x.cols());
}

class Pass {
 public:
  Pass(const Network& network, const Encoded& architectures, std::span<const float> embedding)
      : network_(network), encoded_(architectures) {
    check(embedding);
    run_trunk();
    run_device(embedding);
    run_head();
  }

  /// [count, 1]
  const Matrix& output() const { return head_.above; }

  Network backward(Matrix above) const {
    Network found = network_;
    for (size_t i = network_.head.size(); i-- > 0;) {
      if (i + 1 < network_.head.size()) mask(head_.inputs[i + 1], above);
      above = back(network_.head[i], head_.inputs[i], above, found.head[i]);
    }
    const Eigen::Index width = trunk_.above.cols();
    if (!network_.device.empty()) {
      Matrix device = above.rightCols(above.cols() - width).colwise().sum();
      for (size_t i = network_.device.size(); i-- > 0;) {
        mask(i + 1 < device_.inputs.size() ? device_.inputs[i + 1] : device_.above, device);
        device = back(network_.device[i], device_.inputs[i], device, found.device[i]);
      }
    }
    backward_trunk(above.leftCols(width), found);
    return found;
  }

 private:
  bool graph() const { return encoded_.nodes > 1; }
  View adjacency(size_t layer) const {  // of the last layer, only the global node is read
    const int64_t nodes = encoded_.nodes;
    const bool last = layer + 1 == network_.trunk.size();
    return {encoded_.adjacency.data() + (last ? (nodes - 1) * nodes : 0), last ? 1 : nodes, nodes};
  }

  void check(std::span<const float> embedding) const {
    const auto need = [](const char* what, int64_t found, int64_t expected) {
      if (found == expected) return;
      throw Error("latency predictor", fmt::format("was given {} {}", found, what),
                  std::to_string(expected));
    };
    need("numbers a node", encoded_.width, network_.trunk.front().in);
    need("edges of a graph", static_cast<int64_t>(encoded_.adjacency.size()),
         graph() ? encoded_.nodes * encoded_.nodes : 0);
    if (network_.device.empty()) return;
    need("references' latencies", static_cast<int64_t>(embedding.size()),
         network_.device.front().in);
  }

  void run_trunk() {
    const std::vector<float> features = encoded_.node_major();
    Matrix x = View(features.data(), static_cast<Eigen::Index>(features.size()) / encoded_.width,
                    encoded_.width);
    for (size_t i = 0; i < network_.trunk.size(); ++i) {
      trunk_.inputs.push_back(graph() ? mix(adjacency(i), x) : x);
      x = relu(affine(network_.trunk[i], trunk_.inputs.back()));
      outputs_.push_back(x);
    }
    trunk_.above = std::move(x);
  }

  void run_device(std::span<const float> embedding) {
    if (network_.device.empty()) return;
    Matrix x = View(embedding.data(), 1, static_cast<Eigen::Index>(embedding.size()));
    for (const Layer& layer : network_.device) {
      device_.inputs.push_back(x);
      x = relu(affine(layer, x));
    }
    device_.above = std::move(x);
  }

  void run_head() {
    Matrix x(trunk_.above.rows(), trunk_.above.cols() + device_.above.cols());
    x.leftCols(trunk_.above.cols()) = trunk_.above;
    if (device_.above.cols() > 0) {
      x.rightCols(device_.above.cols()) = device_.above.replicate(x.rows(), 1);
    }
    for (const Layer& layer : network_.head) {
      head_.inputs.push_back(x);
      x = affine(layer, x);
      if (&layer != &network_.head.back()) x = relu(std::move(x));
    }
    head_.above = std::move(x);
  }

  void backward_trunk(Matrix above, Network& found) const {
    for (size_t i = network_.trunk.size(); i-- > 0;) {
      mask(outputs_[i], above);
      above = back(network_.trunk[i], trunk_.inputs[i], above, found.trunk[i]);
      if (i == 0) break;
      if (!graph()) continue;
      const Eigen::Index rows = adjacency(i).rows(), columns = above.cols();
      const Eigen::Index count = above.rows() / rows;
      Matrix spread = adjacency(i).transpose() * View(above.data(), rows, count * columns);
      above = Eigen::Map<const Matrix>(spread.data(), encoded_.nodes * count, columns);
    }
  }

  /// Nothing comes back through a ReLU that gave 0.
  static void mask(const Matrix& given, Matrix& above) {
    above = (given.array() > 0.0f).select(above, 0.0f);
  }

  static Matrix back(const Layer& layer, const Matrix& input, const Matrix& above, Layer& found) {
    Eigen::Map<Matrix>(found.weight.data(), layer.out, layer.in) = above.transpose() * input;
    Eigen::Map<Eigen::RowVectorXf>(found.bias.data(), layer.out) = above.colwise().sum();
    return above * weight_of(layer);
  }

  const Network& network_;
  const Encoded& encoded_;
  Branch trunk_, device_, head_;
  std::vector<Matrix> outputs_;  // of the trunk's layers; a graph's next input is their mixture
};

}  // namespace

Layer::Layer(int64_t rows, int64_t columns)
    : out(rows),
      in(columns),
      weight(static_cast<size_t>(rows * columns)),
      bias(static_cast<size_t>(rows)) {}

std::vector<Layer*> Network::layers() {
  std::vector<Layer*> all;
  for (auto* part : {&trunk, &device, &head}) {
    for (Layer& layer : *part) all.push_back(&layer);
  }
  return all;
}

std::vector<const Layer*> Network::layers() const {
  std::vector<const Layer*> all;
  for (const auto* part : {&trunk, &device, &head}) {
    for (const Layer& layer : *part) all.push_back(&layer);
  }
  return all;
}

Network make_network(int64_t width, bool graph, int64_t embedding, int64_t hidden) {
  Network network;
  network.trunk.emplace_back(hidden, width);
  for (int i = 1; i < (graph ? 4 : 2); ++i) network.trunk.emplace_back(hidden, hidden);
  const int64_t joined = embedding > 0 ? 2 * hidden : hidden;
  if (embedding > 0) {
    network.device.emplace_back(hidden, embedding);
    network.device.emplace_back(hidden, hidden);
  }
  network.head.emplace_back(joined, joined);
  network.head.emplace_back(joined, joined);
  network.head.emplace_back(1, joined);
  return network;
}

std::vector<float> forward(const Network& network, const Encoded& architectures,
                           std::span<const float> embedding) {
  const Pass pass(network, architectures, embedding);
  const Matrix& output = pass.output();
  return {output.data(), output.data() + output.size()};
}

Slope slope(const Network& network, const Encoded& architectures, std::span<const float> embedding,
            std::span<const float> labels) {
  if (labels.size() != architectures.count() || labels.empty()) {
    throw Error("latency predictor", fmt::format("was given {} labels", labels.size()),
                fmt::format("{}, one for each architecture", architectures.count()));
  }
  const Pass pass(network, architectures, embedding);
  const auto count = static_cast<Eigen::Index>(labels.size());
  const Matrix error = pass.output() - View(labels.data(), count, 1);
  return {static_cast<double>(error.squaredNorm()) / static_cast<double>(count),
          pass.backward(error * (2.0f / static_cast<float>(count)))};
}

}  // namespace betimes::systems::help
