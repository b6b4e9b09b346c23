#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>

#include "betimes/base/statistics.h"
#include "betimes/base/threads.h"
#include "betimes/measure/latency.h"
#include "systems/spiking/common/energy.h"
#include "systems/spiking/iir-snn/iir-snn.h"
#include "systems/spiking/iir-snn/iir_task.h"
#include "systems/spiking/iir-snn/train_stages.h"

namespace betimes::system {
namespace {

using namespace systems::iir_snn;

constexpr double points = 100;
const std::vector<int64_t> converted_steps = {1, 5, 32, 128};
constexpr int64_t long_run_images = 2000;  // a converted net of 128 steps takes its time

/// Hits on the same test images, seed after seed: differences are paired over images.
using Hits = std::map<std::string, std::vector<double>>;

/// What one seed gave, beside its hits.
struct Trained {
  Net dnn;
  std::map<int64_t, Net> ladder;
  Net binary;
};

std::string stage_name(int64_t steps) { return fmt::format("ladder T={}", steps); }
std::string converted_name(int64_t steps) { return fmt::format("converted T={}", steps); }

std::vector<double> dense_hits(const Net& net, const judge::Examples& examples) {
  std::vector<double> scores;
  runtime::Session session(runtime::compile(dense_graph(net, 1)));
  for (int64_t i = 0; i < examples.size(); ++i) {
    std::ranges::copy(example(examples, i), session.inputs()[0].as<float>());
    session.run();
    const float* logits = session.outputs()[0].as<float>();
    const auto best = std::max_element(logits, logits + net.classes()) - logits;
    scores.push_back(best == examples.labels[static_cast<size_t>(i)] ? 1 : 0);
  }
  return scores;
}

/// Appends this seed's hits of the variant.
void add_hits(Hits& hits, const std::string& variant, const Net& net,
              const judge::Examples& examples) {
  std::vector<double> found;
  if (net.time_steps == 0) {
    found = dense_hits(net, examples);
  } else {
    Predictor predictor(net, Path::packed);
    found = systems::iir_snn::hits(predictor, examples);
  }
  hits[variant].insert(hits[variant].end(), found.begin(), found.end());
}

/// A net whose weights nothing has trained, as LibTorch draws them.
Net random_net(uint64_t seed) {
  torch::manual_seed(seed);
  Dnn dnn(Widths{}, Unit::relu, 0.0);
  dnn->eval();
  return dnn->fused();
}

Trained run_seed(const Sizes& sizes, const Data& data, Hits& hits) {
  const judge::Examples& test = data.task.test;
  const judge::Examples few = test.slice(0, std::min(test.size(), long_run_images));
  const auto spiking = [&](const std::string& name, const Net& start, int64_t steps, int epochs) {
    return train_spiking(name, start, steps, epochs, data.training, data.task.validation, {});
  };
  Trained trained;
  trained.dnn =
      train_dnn("DNN", {}, Unit::relu, sizes.dnn_epochs, data.training, data.task.validation);
  add_hits(hits, "DNN", trained.dnn, test);
  for (const int64_t steps : converted_steps) {
    const Net net = convert(trained.dnn, data.threshold_images(steps), steps, {});
    add_hits(hits, converted_name(steps), net, steps > 5 ? few : test);
  }
  trained.ladder = train_ladder(trained.dnn, sizes, data, {});
  for (const auto& [steps, net] : trained.ladder) add_hits(hits, stage_name(steps), net, test);
  const auto at_one = [&](const Net& from) {
    return convert(from, data.threshold_images(1), 1, data.training.line);
  };
  const int epochs = sizes.ladder_epochs();
  add_hits(hits, "direct T=1", spiking("direct T=1", at_one(trained.dnn), 1, epochs), test);
  const Net random = random_net(data.training.seed);
  add_hits(hits, "random T=1", spiking("random T=1", at_one(random), 1, epochs), test);
  trained.binary =
      train_dnn("straight-through", {}, Unit::binary, epochs, data.training, data.task.validation);
  add_hits(hits, "straight-through", trained.binary, test);
  return trained;
}

Estimate difference(const Hits& hits, const std::string& variant, const std::string& baseline,
                    const std::string& note) {
  const auto &a = hits.at(baseline), &b = hits.at(variant);
  Estimate found;
  found.value = points * (mean(b) - mean(a));
  const Interval interval = paired_interval(a, b, 0.95);
  found.interval = Interval{points * interval.low, points * interval.high};
  found.samples = static_cast<int64_t>(a.size());
  found.note = note;
  return found;
}

Estimate proportion(const std::vector<double>& scores, const std::string& note) {
  Estimate found;
  found.value = mean(scores);
  found.samples = static_cast<int64_t>(scores.size());
  found.interval =
      wilson_interval(found.value * static_cast<double>(scores.size()), found.samples, 0.95);
  found.note = note;
  return found;
}

/// Accuracy claims; `note` says over what.
void judge_accuracy(Study& study, const Hits& hits, const std::string& note) {
  study.evidence("near-dnn", difference(hits, "DNN", stage_name(1), note));
  study.evidence("near-five-steps", difference(hits, stage_name(5), stage_name(1), note));
  study.evidence("ladder-helps", difference(hits, stage_name(1), "direct T=1", note));
  study.evidence("conversion-fails", proportion(hits.at(converted_name(1)), note));
  Estimate needed;
  needed.value = 256;
  needed.note = "none of 1, 5, 32, 128 steps comes within 5 points";
  for (const int64_t steps : converted_steps) {
    if (mean(hits.at("DNN")) - mean(hits.at(converted_name(steps))) > 0.05) continue;
    needed.value = static_cast<double>(steps);
    needed.note = fmt::format("{} test images from 32 steps", long_run_images);
    break;
  }
  study.evidence("conversion-needs-steps", needed);
}

/// Mean counts over some test images.
Counts mean_counts(const Net& net, const judge::Examples& test, int64_t images) {
  Predictor predictor(net, Path::packed);
  Counts sum;
  const double share = 1.0 / static_cast<double>(images);
  for (int64_t i = 0; i < images; ++i) {
    const Counts counts = predictor.count(example(test, i));
    sum.neurons = counts.neurons;
    sum.dense = counts.dense;
    sum.spikes.resize(counts.spikes.size());
    for (size_t l = 0; l < counts.spikes.size(); ++l) sum.spikes[l] += share * counts.spikes[l];
    sum.operations += {share * counts.operations.macs, share * counts.operations.adds};
  }
  return sum;
}

double total(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

/// Something that can be timed on one test image after the other.
struct Timed {
  std::string name;
  std::function<void()> run;
  int64_t batch = 1;
  measure::Latency latency = {};
  size_t bytes = 0;
};

Timed timed_spiking(const std::string& name, const Net& net, Path path,
                    const judge::Examples& test) {
  auto predictor = std::make_shared<Predictor>(net, path);
  auto next = std::make_shared<int64_t>(0);
  auto logits = std::make_shared<std::vector<float>>(static_cast<size_t>(net.classes()));
  Timed timed{fmt::format("{}, {}", name, systems::iir_snn::name(path)),
              {},
              1,
              {},
              predictor->memory_bytes()};
  timed.run = [=, &test] { predictor->run(example(test, (*next)++ % test.size()), *logits); };
  return timed;
}

Timed timed_dnn(const Net& net, int64_t batch, const judge::Examples& test) {
  const auto plan = runtime::compile(dense_graph(net, batch));
  auto session = std::make_shared<runtime::Session>(plan);
  auto next = std::make_shared<int64_t>(0);
  const auto& memory = plan->memory();
  Timed timed{fmt::format("DNN fp32, batch {}", batch),
              {},
              batch,
              {},
              memory.weights + memory.arena + memory.inputs_outputs};
  timed.run = [=, &test] {
    float* to = session->inputs()[0].as<float>();
    for (int64_t i = 0; i < batch; ++i) {
      to = std::ranges::copy(example(test, (*next)++ % test.size()), to).out;
    }
    session->run();
  };
  return timed;
}

/// All on one thread, in turns.
std::vector<Timed> time_all(const Trained& trained, const judge::Examples& test, double seconds,
                            uint64_t seed) {
  const TeamSize alone(1);
  std::vector<Timed> all = {timed_dnn(trained.dnn, 1, test), timed_dnn(trained.dnn, 64, test)};
  for (const auto& [steps, net] : trained.ladder) {
    all.push_back(timed_spiking(stage_name(steps), net, Path::packed, test));
    if (steps != 1 && steps != 5) continue;
    all.push_back(timed_spiking(stage_name(steps), net, Path::events, test));
    all.push_back(timed_spiking(stage_name(steps), net, Path::dense, test));
  }
  all.push_back(timed_spiking("straight-through", trained.binary, Path::packed, test));
  std::vector<std::function<void()>> runs;
  for (const Timed& each : all) runs.push_back(each.run);
  measure::Options options;
  options.max_seconds = seconds;
  auto latencies = measure::measure_interleaved(runs, options, seed);
  for (size_t i = 0; i < all.size(); ++i) all[i].latency = std::move(latencies[i]);
  return all;
}

const Timed& named(const std::vector<Timed>& all, const std::string& name) {
  return *std::ranges::find(all, name, &Timed::name);
}

/// Ratio of medians; the interval is what the two medians' intervals allow.
Estimate speedup(const Timed& slow, const Timed& fast) {
  const auto &a = slow.latency.p50, &b = fast.latency.p50;
  Estimate found;
  found.value = a.value / b.value;
  found.interval = Interval{a.low / b.high, a.high / b.low};
  found.samples = std::min(slow.latency.runs, fast.latency.runs);
  found.note = fmt::format("{:.1f} us and {:.1f} us", 1e3 * a.value, 1e3 * b.value);
  return found;
}

void report_latency(Study& study, const std::vector<Timed>& all) {
  Table table{"Latency on one thread, microseconds an image", {"what", "p50", "p99", "KiB"}, {}};
  for (const Timed& each : all) {
    const double scale = 1e3 / static_cast<double>(each.batch);
    table.rows.push_back({each.name, each.latency.p50.value * scale, each.latency.p99.value * scale,
                          static_cast<double>(each.bytes) / 1024});
  }
  study.table(std::move(table));
  study.evidence("latency",
                 speedup(named(all, "ladder T=5, packed"), named(all, "ladder T=1, packed")));
  study.evidence("beats-dense",
                 speedup(named(all, "DNN fp32, batch 1"), named(all, "ladder T=1, packed")));
}

void report_spikes(Study& study, const Trained& trained, const judge::Examples& test) {
  const int64_t images = std::min<int64_t>(test.size(), 500);
  Table table{"Spikes and operations an image (energy: 45 nm model)",
              {"net", "spikes a neuron", "by layer", "additions", "multiplications", "nJ"},
              {}};
  double least = INFINITY, before = 0, energy_ratio = 0;
  const auto add = [&](const std::string& name, const Net& net) {
    const Counts counts = mean_counts(net, test, images);
    std::string layers;
    for (size_t i = 0; i < counts.spikes.size(); ++i) {
      layers += fmt::format("{}{:.2f}", i == 0 ? "" : " ", counts.spikes[i] / counts.neurons[i]);
    }
    const double energy = systems::spiking::modelled_energy_nj(counts.operations);
    table.rows.push_back({name, total(counts.spikes) / total(counts.neurons), layers,
                          counts.operations.adds, counts.operations.macs, energy});
    energy_ratio = systems::spiking::modelled_energy_nj(counts.dense) / energy;
    return counts;
  };
  add("straight-through", trained.binary);
  Counts counts;
  for (auto stage = trained.ladder.rbegin(); stage != trained.ladder.rend(); ++stage) {
    counts = add(stage_name(stage->first), stage->second);
    const double spikes = total(counts.spikes);
    if (before > 0) least = std::min(least, before / spikes);
    before = spikes;
  }
  table.rows.push_back({std::string("DNN"), std::string("-"), std::string("-"), 0.0,
                        counts.dense.macs, systems::spiking::modelled_energy_nj(counts.dense)});
  study.table(std::move(table));
  Estimate quieter, energy;
  quieter.value = least;
  energy.value = energy_ratio;
  quieter.samples = energy.samples = images;
  energy.note = "arithmetic only, a model";
  study.evidence("quieter", quieter);
  study.evidence("energy", energy);
}

void report_accuracy(Study& study, const Hits& hits, const std::vector<Timed>& all) {
  Table table{"Accuracy on the test images", {"variant", "accuracy", "low", "high", "images"}, {}};
  for (const auto& [variant, scores] : hits) {
    const Estimate found = proportion(scores, "");
    table.rows.push_back({variant, found.value, found.interval->low, found.interval->high,
                          static_cast<double>(found.samples)});
  }
  study.table(std::move(table));
  Picture picture{"Accuracy against latency", "median latency, us", "accuracy", true, false, {}};
  Series ladder{"ladder T=1, 2, 3, 5 (packed)", {}, {}, {}, {}, true};
  for (const int64_t steps : {1, 2, 3, 5}) {
    ladder.x.push_back(1e3 * named(all, stage_name(steps) + ", packed").latency.p50.value);
    ladder.y.push_back(mean(hits.at(stage_name(steps))));
  }
  const auto point = [&](const std::string& name, const std::string& variant,
                         const std::string& timed) {
    return Series{
        name, {1e3 * named(all, timed).latency.p50.value}, {mean(hits.at(variant))}, {}, {}, false};
  };
  picture.series = {ladder, point("DNN, dense fp32", "DNN", "DNN fp32, batch 1"),
                    point("straight-through", "straight-through", "straight-through, packed"),
                    point("direct T=1", "direct T=1", "ladder T=1, packed")};
  study.picture(std::move(picture));
}

}  // namespace

void iir_snn_reproduce(Study& study) {
  at::set_num_threads(study.threads());
  const Sizes sizes = study.quick() ? Sizes::quick() : Sizes::full();
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 1 : 2);
  Hits hits;
  std::optional<Trained> first;
  std::optional<Data> data;
  for (size_t i = 0; i < seeds.size(); ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(seeds.size());
    const auto line = [&study, share](const std::string& text) { study.progress(share, text); };
    data = load_data(sizes, seeds[i], line);
    Trained trained = run_seed(sizes, *data, hits);
    if (!first) first = std::move(trained);
  }
  const judge::Examples& test = data->task.test;
  const auto timed = time_all(*first, test, study.quick() ? 3 : 60, study.seed());
  report_accuracy(study, hits, timed);
  report_spikes(study, *first, test);
  report_latency(study, timed);
  const std::string note = fmt::format("{} seed{}; the interval is over test images", seeds.size(),
                                       seeds.size() == 1 ? "" : "s");
  if (!study.quick()) judge_accuracy(study, hits, note);
  study.note(
      fmt::format("Fashion-MNIST: {} training images, {} for validation (checkpoints are "
                  "chosen there), {} test images; seven layers, means of 2x2 currents "
                  "before the neuron, direct coding.",
                  sizes.images, sizes.validation, sizes.test));
  study.note(
      "Not shown: CIFAR-100, ImageNet, neuromorphic energy, and the 2500 x against "
      "rate-coded nets of thousands of steps.");
}

}  // namespace betimes::system
