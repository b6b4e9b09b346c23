#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <numeric>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/statistics.h"
#include "betimes/base/threads.h"
#include "betimes/measure/latency.h"
#include "systems/search/cbnet/reproduce_parts.h"
#include "systems/search/cbnet/served.h"
#include "systems/search/cbnet/train_graphs.h"

namespace betimes::systems::cbnet {
namespace {

template <class Net>
Contestant contestant(const std::string& name, std::shared_ptr<Net> net) {
  return {name, [net](std::span<const float> image) { net->run(image); }};
}

Contestant whole(const std::string& name, const graph::Graph& graph) {
  return contestant(name, std::make_shared<Whole>(graph));
}

std::span<const float> image_at(const at::Tensor& images, int64_t row) {
  return {images.data_ptr<float>() + row * pixels, static_cast<size_t>(pixels)};
}

/// A run of over twenty medians was interrupted from outside: a network with an exit takes twelve
/// times its fast path at most, all the way through the widest trunk.
constexpr double interrupted = 20;

/// In microseconds.
Pace pace_of(const measure::Latency& latency) {
  std::vector<double> kept = latency.samples_ms;
  std::erase_if(kept, [&](double ms) { return ms > interrupted * latency.p50.value; });
  return {microseconds * mean(kept), microseconds * latency.p50.value,
          microseconds * latency.p99.value};
}

/// Microseconds of this process's processor time an image.
double processor_us(const Contestant& contestant, const at::Tensor& images, int64_t runs) {
  const std::clock_t begun = std::clock();
  for (int64_t i = 0; i < runs; ++i) contestant.run(image_at(images, i % images.size(0)));
  const auto ticks = static_cast<double>(std::clock() - begun);
  return 1e6 * ticks / CLOCKS_PER_SEC / static_cast<double>(runs);
}

std::vector<int64_t> draws(const at::Tensor& rows, int64_t count, Random& random) {
  std::vector<int64_t> found;
  for (int64_t i = 0; i < count; ++i) {
    const auto drawn = static_cast<int64_t>(random.below(static_cast<uint64_t>(rows.size(0))));
    found.push_back(rows[drawn].item<int64_t>());
  }
  return found;
}

/// The index of the last one, after the first, that isn't slower than the first; 1 where all are.
size_t largest_within(const std::vector<Pace>& paces) {
  size_t found = 1;
  for (size_t i = 1; i < paces.size(); ++i) {
    if (paces[i].p50 <= paces[0].p50) found = i;
  }
  return found;
}

}  // namespace

Matched match_latency(system::Study& study) {
  torch::manual_seed(study.seed());
  const double seconds = study.quick() ? 0.5 : 10;
  const graph::Graph target =
      served_graph(Converted(Converter(ConverterWidths{}), Front(LenetWidths{})));
  std::vector<PlainWidths> plain;
  const std::vector<double> shares = {0.2, 0.4, 0.6, 0.8};
  std::vector<graph::Graph> plain_graphs = {target}, pruned_graphs = {target};
  for (const int64_t width : {64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768}) {
    plain.push_back({width, width / 2});
    plain_graphs.push_back(served_graph(Plain(plain.back())));
  }
  for (const double share : shares) {
    pruned_graphs.push_back(served_graph(Lenet(kept_share({}, share))));
  }
  const Matched found{
      plain[largest_within(time_graphs(plain_graphs, seconds, study.seed())) - 1],
      shares[largest_within(time_graphs(pruned_graphs, seconds, study.seed())) - 1]};
  study.note(fmt::format(
      "Matched to the latency of f(g(x)) on this machine: a plain network 784-{}-{}-10, and LeNet "
      "pruned to {:.0f} % of its channels (at least a fifth goes, however fast LeNet is).",
      found.plain.hidden1, found.plain.hidden2, 100 * found.kept));
  return found;
}

std::vector<Contestant> contestants(Contest& contest) {
  const BranchyGraphs branchy = branchy_graphs(contest.base.net);
  const graph::Graph front = served_graph(contest.base.net->front);
  const graph::Graph converted = served_graph(Converted(contest.cbnet.g, contest.cbnet.tuned));
  const double tau = contest.base.tau;
  return {whole(lenet_name, served_graph(contest.lenet)),
          contestant(branchy_name, std::make_shared<WithExit>(branchy.first, branchy.rest, tau)),
          whole(raw_name, front),
          whole(cbnet_name, converted),
          contestant(controller_name, std::make_shared<WithExit>(front, converted, tau)),
          whole(plain_name, served_graph(contest.plain)),
          whole(pruned_name, served_graph(contest.small))};
}

std::vector<Pace> time_runs(const std::vector<Run>& runs, const at::Tensor& images, double seconds,
                            uint64_t seed) {
  std::vector<std::function<void()>> all;
  for (const auto& [contestant, rows] : runs) {
    auto next = std::make_shared<size_t>(0);
    all.push_back([&images, contestant = contestant, rows = rows, next] {
      contestant->run(image_at(images, (*rows)[(*next)++ % rows->size()]));
    });
  }
  measure::Options options;
  options.max_seconds = seconds;
  // Long enough turns to see a stream's mix, and the same images for all.
  options.turn = 16;
  std::vector<Pace> found;
  for (const measure::Latency& latency : measure::measure_interleaved(all, options, seed)) {
    found.push_back(pace_of(latency));
  }
  return found;
}

std::vector<Pace> time_graphs(const std::vector<graph::Graph>& graphs, double seconds,
                              uint64_t seed) {
  const TeamSize alone(1);
  const at::Tensor images = torch::rand({64, 1, side, side});
  std::vector<int64_t> rows(64);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  std::vector<Contestant> all;
  for (const graph::Graph& graph : graphs) all.push_back(whole(graph.name, graph));
  std::vector<Run> runs;
  for (const Contestant& each : all) runs.emplace_back(&each, &rows);
  return time_runs(runs, images, seconds, seed);
}

std::vector<int64_t> stream(const at::Tensor& hard, double share, int64_t length, uint64_t seed) {
  const at::Tensor hard_rows = hard.nonzero().flatten();
  const at::Tensor easy_rows = hard.logical_not().nonzero().flatten();
  const int64_t count = std::llround(share * static_cast<double>(length));
  if ((count > 0 && hard_rows.size(0) == 0) || (count < length && easy_rows.size(0) == 0)) {
    throw Error("stream", "can't be drawn: there are no easy, or no hard images", "another tau");
  }
  Random random(seed);
  std::vector<int64_t> rows = draws(hard_rows, count, random);
  const std::vector<int64_t> easy = draws(easy_rows, length - count, random);
  rows.insert(rows.end(), easy.begin(), easy.end());
  random.shuffle(std::span<int64_t>(rows));
  return rows;
}

const std::vector<double>& hard_shares() {
  static const std::vector<double> shares = {0, 0.2, 0.4, 0.6, 0.8, 1};
  return shares;
}

std::string share_name(double share) { return fmt::format("{:.0f} %", 100 * share); }

void time_seed(system::Study& study, const DataSet& data, Contest& contest, const Sizes& sizes,
               uint64_t seed, Latencies& latencies) {
  const TeamSize alone(1);
  const at::Tensor images = data.parts.test.images.contiguous();
  const std::vector<Contestant> all = contestants(contest);
  std::vector<std::vector<int64_t>> streams;
  for (const double share : hard_shares()) {
    streams.push_back(stream(contest.hard, share, sizes.stream, seed));
  }
  std::vector<int64_t> as_they_come(static_cast<size_t>(images.size(0)));
  std::iota(as_they_come.begin(), as_they_come.end(), int64_t{0});
  std::vector<Run> runs;
  for (const Contestant& each : all) runs.emplace_back(&each, &as_they_come);
  for (const Contestant& each : all) {
    for (const std::vector<int64_t>& rows : streams) runs.emplace_back(&each, &rows);
  }
  const std::vector<Pace> paces = time_runs(runs, images, sizes.seconds, seed);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string& name = all[i].name;
    latencies.natural.add("mean us", name, paces[i].mean);
    latencies.natural.add("p50 us", name, paces[i].p50);
    latencies.natural.add("p99 us", name, paces[i].p99);
    latencies.natural.add("processor us", name,
                          processor_us(all[i], images, study.quick() ? 200 : 5'000));
    const Pace* of_shares = &paces[all.size() + i * streams.size()];
    for (size_t s = 0; s < streams.size(); ++s) {
      latencies.streams.add(share_name(hard_shares()[s]), name, of_shares[s].mean);
    }
    latencies.ratios.add("flat", name, of_shares[streams.size() - 1].mean / of_shares[0].mean);
  }
}

}  // namespace betimes::systems::cbnet
