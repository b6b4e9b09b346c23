#include "systems/spiking/iir-snn/iir_predictor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/runtime/session.h"

// The served paths against plain loops in double. Weights are multiples of four, so that means of
// four are whole numbers and sums exact: spikes and logits must be equal.

namespace betimes::systems::iir_snn {
namespace {

Tensor random_weights(Shape shape, Random& random) {
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_data<float>()) {
    value = 4 * (static_cast<float>(random.below(9)) - 4);
  }
  return tensor;
}

Net random_net(Random& random, int64_t time_steps) {
  Net net;
  net.height = 8 + static_cast<int64_t>(random.below(3));
  net.width = 8 + static_cast<int64_t>(random.below(3));
  net.time_steps = time_steps;
  int64_t channels = 1;
  for (int i = 0; i < 3; ++i) {
    const auto out = static_cast<int64_t>(1 + random.below(70));
    net.layers.push_back({random_weights({out, channels, 3, 3}, random),
                          random_weights({out}, random), i != 1, 0, 1});
    channels = out;
  }
  const int64_t flat = channels * (net.height / 2 / 2) * (net.width / 2 / 2);
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{flat, 90}, {90, 7}}) {
    net.layers.push_back(
        {random_weights({out, in}, random), random_weights({out}, random), false, 0, 1});
  }
  for (Layer& layer : net.layers) {
    layer.threshold = static_cast<float>(8 + random.below(60));
    layer.leak = random.below(2) == 0 ? 0.5f : 1.0f;
  }
  return net;
}

std::vector<float> random_image(const Net& net, Random& random) {
  std::vector<float> image(static_cast<size_t>(net.height * net.width));
  for (float& pixel : image) pixel = static_cast<float>(random.below(5)) / 4;
  return image;
}

/// A map [channels, height, width] in double.
struct Map {
  int64_t channels, height, width;
  std::vector<double> at;
};

/// Convolution, then means of 2x2 where the layer is pooled: as the definition says, one by one.
Map naive_layer(const Layer& layer, const Map& in) {
  const auto weight = layer.weight.data<float>();
  const Shape& shape = layer.weight.shape();
  if (shape.size() == 2) {
    Map out{shape[0], 1, 1, {}};
    for (int64_t o = 0; o < shape[0]; ++o) {
      double sum = layer.bias.data<float>()[static_cast<size_t>(o)];
      for (int64_t i = 0; i < shape[1]; ++i) {
        sum += weight[static_cast<size_t>(o * shape[1] + i)] * in.at[static_cast<size_t>(i)];
      }
      out.at.push_back(sum);
    }
    return out;
  }
  Map full{shape[0], in.height, in.width, {}};
  for (int64_t k = 0; k < full.channels * full.height * full.width; ++k) {
    const int64_t o = k / full.width / full.height, y = k / full.width % full.height;
    double sum = layer.bias.data<float>()[static_cast<size_t>(o)];
    for (int64_t tap = 0; tap < in.channels * 9; ++tap) {
      const int64_t c = tap / 9, v = y + tap / 3 % 3 - 1, u = k % full.width + tap % 3 - 1;
      if (v < 0 || v >= in.height || u < 0 || u >= in.width) continue;
      sum += weight[static_cast<size_t>(o * in.channels * 9 + tap)] *
             in.at[static_cast<size_t>((c * in.height + v) * in.width + u)];
    }
    full.at.push_back(sum);
  }
  if (!layer.pooled) return full;
  Map out{shape[0], in.height / 2, in.width / 2, {}};
  for (int64_t k = 0; k < out.channels * out.height * out.width; ++k) {
    const int64_t o = k / out.width / out.height, y = k / out.width % out.height;
    double sum = 0;
    for (int64_t corner = 0; corner < 4; ++corner) {
      const int64_t v = 2 * y + corner / 2, u = 2 * (k % out.width) + corner % 2;
      sum += full.at[static_cast<size_t>((o * full.height + v) * full.width + u)];
    }
    out.at.push_back(sum / 4);
  }
  return out;
}

struct NaiveRun {
  std::vector<double> logits, spikes;
  double adds = 0;
};

NaiveRun naive_run(const Net& net, const std::vector<float>& image) {
  NaiveRun run;
  run.spikes.resize(net.layers.size() - 1);
  run.logits.resize(static_cast<size_t>(net.classes()));
  std::vector<std::vector<double>> membranes(net.layers.size());
  for (int64_t t = 0; t < net.time_steps; ++t) {
    Map map{1, net.height, net.width, {image.begin(), image.end()}};
    for (size_t i = 0; i + 1 < net.layers.size(); ++i) {
      map = naive_layer(net.layers[i], map);
      membranes[i].resize(map.at.size());
      for (size_t n = 0; n < map.at.size(); ++n) {
        double& u = membranes[i][n];
        u = double{net.layers[i].leak} * u + map.at[n];
        map.at[n] = u / double{net.layers[i].threshold} - 1 > 0 ? 1 : 0;
        u -= double{net.layers[i].threshold} * map.at[n];
        run.spikes[i] += map.at[n];
      }
    }
    const Map out = naive_layer(net.layers.back(), map);
    for (size_t c = 0; c < out.at.size(); ++c) run.logits[c] += out.at[c];
  }
  return run;
}

TEST(IirPredictor, EveryPathGivesExactlyTheLogitsOfTheDefinition) {
  Random random(1);
  for (const int64_t time_steps : {1, 2, 3, 5}) {
    const Net net = random_net(random, time_steps);
    for (const Path path : {Path::dense, Path::events, Path::packed}) {
      SCOPED_TRACE(name(path));
      Predictor predictor(net, path);
      for (int i = 0; i < 4; ++i) {  // the second image must not remember the first one
        const auto image = random_image(net, random);
        std::vector<float> logits(7);
        predictor.run(image, logits);
        EXPECT_EQ(std::vector<double>(logits.begin(), logits.end()), naive_run(net, image).logits);
      }
    }
  }
}

TEST(IirPredictor, CountsSpikesAndTheAdditionsTheyCause) {
  Random random(2);
  const Net net = random_net(random, 3);
  const auto image = random_image(net, random);
  const NaiveRun right = naive_run(net, image);
  for (const Path path : {Path::events, Path::packed}) {
    const Counts counts = Predictor(net, path).count(image);
    EXPECT_EQ(counts.spikes, right.spikes);
    EXPECT_GT(counts.operations.adds, 0);
    EXPECT_EQ(counts.dense.adds, 0);
    // The last hidden layer's spikes each reach all classes.
    EXPECT_GE(counts.operations.adds, right.spikes.back() * 7);
  }
  Net loud = net;  // thresholds below every current: all neurons fire at every step
  for (Layer& layer : loud.layers) {
    for (float& weight : layer.weight.mutable_data<float>()) weight = 4;
    for (float& bias : layer.bias.mutable_data<float>()) bias = 1000;
  }
  const Counts counts = Predictor(loud, Path::packed).count(image);
  EXPECT_EQ(counts.operations.adds,
            3 * (counts.dense.macs - counts.operations.macs));  // every input at every step
}

TEST(IirPredictor, ThresholdScaleMakesItQuieter) {
  Random random(3);
  const Net net = random_net(random, 1);
  const auto image = random_image(net, random);
  Net scaled = net;
  for (Layer& layer : scaled.layers) layer.threshold *= 2;
  std::vector<float> logits(7);
  Predictor(net, Path::packed, 2).run(image, logits);
  EXPECT_EQ(std::vector<double>(logits.begin(), logits.end()), naive_run(scaled, image).logits);
}

TEST(IirPredictor, ReluGraphIsTheNetItWasConvertedFrom) {
  Random random(4);
  const Net net = random_net(random, 0);
  runtime::Session session(runtime::compile(dense_graph(net, 2)));
  std::vector<float> images = random_image(net, random);
  const auto second = random_image(net, random);
  images.insert(images.end(), second.begin(), second.end());
  std::ranges::copy(images, session.inputs()[0].as<float>());
  session.run();
  for (int64_t i = 0; i < 2; ++i) {
    const auto pixels = net.height * net.width;
    Map map{
        1, net.height, net.width, {images.begin() + i * pixels, images.begin() + (i + 1) * pixels}};
    for (const Layer& layer : net.layers) {
      map = naive_layer(layer, map);
      if (&layer == &net.layers.back()) break;
      for (double& value : map.at) value = std::max(value, 0.0);
    }
    for (int64_t c = 0; c < 7; ++c) {
      const double right = map.at[static_cast<size_t>(c)];
      EXPECT_NEAR(session.outputs()[0].as<float>()[i * 7 + c], right,
                  1e-5 * std::abs(right) + 1e-3);
    }
  }
}

TEST(IirNet, ComesBackFromItsFile) {
  Random random(5);
  const Net net = random_net(random, 2);
  const std::string path = ::testing::TempDir() + "iir-net.safetensors";
  write_net(path, net);
  const Net read = read_net(path);
  EXPECT_EQ(read.time_steps, 2);
  EXPECT_EQ(read.height, net.height);
  ASSERT_EQ(read.layers.size(), net.layers.size());
  const auto image = random_image(net, random);
  EXPECT_EQ(naive_run(read, image).logits, naive_run(net, image).logits);
  std::filesystem::remove(path);
}

TEST(IirNet, RefusesWhatDoesNotFit) {
  Random random(6);
  const Net net = random_net(random, 1);
  const auto refused = [&](auto change) {
    Net wrong = net;
    change(wrong);
    EXPECT_THROW(check(wrong), Error);
  };
  check(net);
  refused([](Net& n) { n.layers[1].threshold = 0; });
  refused([](Net& n) { n.layers[1].threshold = std::nanf(""); });
  refused([](Net& n) { n.layers[2].leak = 1.5f; });
  refused([](Net& n) { n.time_steps = -1; });
  refused([](Net& n) { n.layers.erase(n.layers.begin() + 1); });
  refused([](Net& n) { n.layers.resize(3); });
  refused([](Net& n) { n.layers[3].pooled = true; });
  refused([](Net& n) { n.layers[0].bias = Tensor(DType::f32, {3}); });
  refused([](Net& n) { n.height = 40; });
  refused([](Net& n) { n.layers[0].weight = n.layers[0].weight.cast(DType::f64); });
  Net relu = net;
  relu.time_steps = 0;
  EXPECT_THROW(Predictor(relu, Path::packed), Error);
  EXPECT_THROW(Predictor(net, Path::packed, 0), Error);
  Predictor predictor(net, Path::packed);
  std::vector<float> logits(7), short_image(3);
  EXPECT_THROW(predictor.run(short_image, logits), Error);
  EXPECT_THROW(Predictor(net, Path::dense).count(random_image(net, random)), Error);
  EXPECT_THROW(parse_path("fast"), Error);
}

}  // namespace
}  // namespace betimes::systems::iir_snn
