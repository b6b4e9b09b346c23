#include "systems/spiking/snn-delays/delay_stream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/random.h"

// What is heard bin by bin against convolutions over whole examples, in double. Weights are whole
// numbers and the leak is a half, so that spikes must be equal.

namespace betimes::systems::snn_delays {
namespace {

Net random_net(Random& random, int64_t kernel, int64_t channels) {
  Net net;
  net.kernel = kernel;
  net.leak = 0.5f;
  int64_t in = channels;
  for (const int64_t out : {int64_t{70}, int64_t{20}, int64_t{6}}) {
    Layer layer{Tensor(DType::f32, {out, in}), Tensor(DType::u8, {out, in}),
                Tensor(DType::f32, {out})};
    for (float& weight : layer.weight.mutable_data<float>()) {
      weight = static_cast<float>(random.below(5)) - 2;
    }
    for (uint8_t& delay : layer.delay.mutable_data<uint8_t>()) {
      delay = static_cast<uint8_t>(random.below(static_cast<uint64_t>(kernel)));
    }
    for (float& shift : layer.shift.mutable_data<float>()) {
      shift = static_cast<float>(random.below(3)) - 1.5f;
    }
    net.layers.push_back(layer);
    in = out;
  }
  return net;
}

SpikeTrains random_trains(Random& random, int64_t channels, int64_t bins, int64_t examples) {
  SpikeTrains trains{channels, bins, 6, 10, {}, {}};
  for (int64_t i = 0; i < examples * bins * channels; ++i) {
    const bool silent = random.uniform() < 0.8;
    trains.counts.push_back(silent ? uint8_t{0} : static_cast<uint8_t>(1 + random.below(3)));
  }
  trains.labels.assign(static_cast<size_t>(examples), 0);
  return trains;
}

/// [bins][neurons]
using Train = std::vector<std::vector<double>>;

/// The layer's currents as a convolution: (kernel - 1) / 2 bins more than the input has.
Train naive_currents(const Layer& layer, const Train& in, int64_t tail) {
  const auto weight = layer.weight.data<float>();
  const auto delay = layer.delay.data<uint8_t>();
  const Shape& shape = layer.weight.shape();
  Train out;
  for (int64_t t = 0; t < static_cast<int64_t>(in.size()) + tail; ++t) {
    out.emplace_back();
    for (int64_t i = 0; i < shape[0]; ++i) {
      double sum = layer.shift.data<float>()[static_cast<size_t>(i)];
      for (int64_t j = 0; j < shape[1]; ++j) {
        const auto at = static_cast<size_t>(i * shape[1] + j);
        const int64_t then = t - delay[at];
        if (then < 0 || then >= static_cast<int64_t>(in.size())) continue;
        sum += weight[at] * in[static_cast<size_t>(then)][static_cast<size_t>(j)];
      }
      out.back().push_back(sum);
    }
  }
  return out;
}

struct NaiveRun {
  std::vector<Train> spikes;  // of the hidden layers
  std::vector<double> mass;
};

NaiveRun naive_run(const Net& net, Train in) {
  NaiveRun run;
  for (size_t l = 0; l < net.layers.size(); ++l) {
    Train now = naive_currents(net.layers[l], in, net.tail());
    std::vector<double> membrane(now[0].size());
    run.mass.resize(now[0].size());
    for (auto& row : now) {
      double sum = 0;
      for (size_t i = 0; i < row.size(); ++i) {
        double& v = membrane[i];
        v = double{net.leak} * v + row[i];
        row[i] = v >= 1 ? 1 : 0;
        if (l + 1 < net.layers.size() && v >= 1) v = 0;
        sum += std::exp(v);
      }
      if (l + 1 < net.layers.size()) continue;
      for (size_t i = 0; i < row.size(); ++i) run.mass[i] += std::exp(membrane[i]) / sum;
    }
    if (l + 1 == net.layers.size()) return run;
    run.spikes.push_back(now);
    in = now;
    run.mass.clear();
  }
  return run;
}

Train as_train(const SpikeTrains& trains, int64_t example) {
  const auto counts = trains.example(example);
  Train train;
  for (int64_t t = 0; t < trains.bins; ++t) {
    const auto row = counts.subspan(static_cast<size_t>(t * trains.channels),
                                    static_cast<size_t>(trains.channels));
    train.emplace_back(row.begin(), row.end());
  }
  return train;
}

TEST(DelayStream, HearsExactlyTheSpikesOfTheConvolution) {
  Random random(1);
  for (const int64_t kernel : {1, 7, 31}) {
    const Net net = random_net(random, kernel, 9);
    const SpikeTrains trains = random_trains(random, 9, 23, 3);
    for (const Path path : {Path::events, Path::recall}) {
      SCOPED_TRACE(name(path));
      DelayStream stream(net, path);
      for (int64_t e = 0; e < trains.size(); ++e) {
        const NaiveRun right = naive_run(net, as_train(trains, e));
        stream.reset();
        double spikes = 0;
        for (int64_t t = 0; t < trains.bins; ++t) {
          stream.push(trains.example(e).subspan(static_cast<size_t>(9 * t), 9));
          for (size_t l = 0; l < right.spikes.size(); ++l) {
            const auto& row = right.spikes[l][static_cast<size_t>(t)];
            for (size_t i = 0; i < row.size(); ++i) {
              EXPECT_EQ(static_cast<double>(stream.spikes(l)[i / 64] >> i % 64 & 1), row[i])
                  << "layer " << l << " bin " << t << " neuron " << i;
            }
          }
        }
        stream.finish();
        for (const Train& layer : right.spikes) {
          for (const auto& row : layer) {
            for (const double spike : row) spikes += spike;
          }
        }
        EXPECT_GT(spikes, 0);
        EXPECT_EQ(static_cast<double>(stream.hidden_spikes()), spikes);
        ASSERT_EQ(stream.mass().size(), right.mass.size());
        for (size_t c = 0; c < right.mass.size(); ++c) {
          EXPECT_NEAR(stream.mass()[c], right.mass[c], 1e-5);
        }
        EXPECT_EQ(stream.reading().bins, readout_bins(net, trains.bins));
      }
    }
  }
}

TEST(DelayStream, CountsTheAdditionsOfEachSpike) {
  Random random(2);
  Net net = random_net(random, 5, 3);
  for (Layer& layer : net.layers) {
    for (float& weight : layer.weight.mutable_data<float>()) weight = -1;  // nothing fires
    for (float& shift : layer.shift.mutable_data<float>()) shift = 0;
  }
  DelayStream stream(net, Path::events);
  const std::vector<uint8_t> counts = {2, 0, 1};
  stream.push(counts);
  stream.finish();
  EXPECT_EQ(stream.additions(), 3 * 70);
  EXPECT_EQ(stream.hidden_spikes(), 0);
  stream.reset();
  EXPECT_EQ(stream.additions(), 0);
}

TEST(DelayStream, StopsWhenTheLeadIsLargeEnough) {
  Random random(3);
  Net net = random_net(random, 3, 4);
  net.layers.back().shift.mutable_data<float>()[2] = 50;  // the answer is clear at once
  const SpikeTrains trains = random_trains(random, 4, 30, 1);
  DelayStream stream(net, Path::events);
  const Reading early = listen(stream, trains, 0, 0.9, 5);
  EXPECT_EQ(early.best, 2);
  EXPECT_EQ(early.bins, 5);
  const Reading late = listen(stream, trains, 0, 1);
  EXPECT_EQ(late.best, 2);
  EXPECT_EQ(late.bins, readout_bins(net, 30));
}

TEST(DelayStream, RefusesWhatMakesNoSense) {
  Random random(4);
  const Net net = random_net(random, 33, 4);
  EXPECT_THROW(DelayStream(net, Path::recall), Error);
  DelayStream stream(net, Path::events);
  const std::vector<uint8_t> few = {1, 2, 3}, many = {1, 2, 3, 4}, right = {1, 2, 3, 0};
  EXPECT_THROW(stream.push(few), Error);
  EXPECT_THROW(stream.push(many), Error);
  stream.push(right);
  stream.finish();
  EXPECT_THROW(stream.push(right), Error);
  EXPECT_THROW(parse_path("fast"), Error);
}

TEST(DelayNet, ComesBackFromItsFileAndRefusesWhatDoesNotFit) {
  Random random(5);
  const Net net = random_net(random, 7, 9);
  const std::string path = ::testing::TempDir() + "delay-net.safetensors";
  write_net(path, net);
  const Net read = read_net(path);
  std::filesystem::remove(path);
  const Train in = as_train(random_trains(random, 9, 12, 1), 0);
  EXPECT_EQ(naive_run(read, in).mass, naive_run(net, in).mass);
  EXPECT_EQ(net.parameters(), 2.0 * (9 * 70 + 70 * 20 + 20 * 6) + 96);
  const auto refused = [&](auto change) {
    Net wrong = net;
    change(wrong);
    EXPECT_THROW(check(wrong), Error);
  };
  refused([](Net& n) { n.kernel = 8; });
  refused([](Net& n) { n.kernel = 5; });  // delays reach to 6
  refused([](Net& n) { n.leak = 1; });
  refused([](Net& n) { n.layers.erase(n.layers.begin() + 1); });
  refused([](Net& n) { n.layers.clear(); });
  refused([](Net& n) { n.layers[0].delay = Tensor(DType::u8, {3}); });
  refused([](Net& n) { n.layers[0].shift = Tensor(DType::f32, {3}); });
}

}  // namespace
}  // namespace betimes::systems::snn_delays
