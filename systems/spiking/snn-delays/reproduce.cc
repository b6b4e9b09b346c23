#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "betimes/base/statistics.h"
#include "betimes/base/threads.h"
#include "betimes/measure/latency.h"
#include "systems/spiking/snn-delays/coincide.h"
#include "systems/spiking/snn-delays/delay_stream.h"
#include "systems/spiking/snn-delays/snn-delays.h"
#include "systems/spiking/snn-delays/spoken_digits.h"
#include "systems/spiking/snn-delays/train_delays.h"
#include "systems/spiking/snn-delays/train_recurrent.h"

namespace betimes::system {
namespace {

using namespace systems::snn_delays;

constexpr double points = 100;

/// Hits on the test examples by variant, seed after seed.
using Hits = std::map<std::string, std::vector<double>>;

struct Experiment {
  Hits hits;
  std::map<std::string, double> parameters;
  std::vector<double> gaussian;  // accuracy of the learned net with Gaussians, a seed each
  std::map<std::string, std::vector<double>> recurrent;  // accuracies, a seed each
  std::optional<Net> learned;  // of the first seed, and what it was tested on
  SpikeTrains test;
};

struct Sizes {
  int epochs, recurrent_epochs;
  int64_t train, validation, test;  // of the synthetic data
};

/// As many parameters without delays as the net with delays has.
int64_t equal_width(const Net& net) {
  const double a = 1, b = static_cast<double>(net.channels() + net.classes());
  return std::llround((std::sqrt(b * b + 4 * a * net.parameters()) - b) / (2 * a));
}

void run_variants(Experiment& experiment, const Splits& data, double tau,
                  const DelayTraining& training, int recurrent_epochs) {
  std::optional<Net> reference;
  const auto run = [&](const std::string& name, const DelayOptions& how) {
    const Trained trained = train_delays(name, how, training, data);
    const auto found = served_hits(trained.net, data.test);
    auto& all = experiment.hits[name];
    all.insert(all.end(), found.begin(), found.end());
    experiment.parameters[name] = trained.net.parameters();
    if (name == "learned") {
      experiment.gaussian.push_back(trained.gaussian_test);
      if (!experiment.learned) {
        experiment.learned = trained.net;
        experiment.test = data.test;
      }
      reference = trained.net;
    }
  };
  DelayOptions how;
  how.tau = tau;
  run("learned", how);
  DelayOptions sharp = how;
  sharp.sigma_first = sharp.sigma_last;
  run("learned, no annealing", sharp);
  how.delays = Delays::random;
  run("random", how);
  how.delays = Delays::none;
  run("none", how);
  how.hidden = equal_width(*reference);
  run("none, as many parameters", how);
  DelayTraining less = training;
  less.epochs = recurrent_epochs;
  const double wanted = reference->parameters();
  const double ends = static_cast<double>(data.train.channels + data.train.classes);
  const auto spiking = std::llround((std::sqrt(ends * ends + 4 * wanted) - ends) / 2);
  for (const auto& [name, kind, hidden] :
       {std::tuple{"recurrent spiking", Recurrent::spiking, int64_t{spiking}},
        std::tuple{"GRU", Recurrent::gru, int64_t{48}}}) {
    const RecurrentResult found = train_recurrent(name, kind, hidden, tau, less, data);
    experiment.recurrent[name].push_back(found.test);
    experiment.parameters[name] = found.parameters;
  }
}

Estimate difference(const Hits& hits, const std::string& variant, const std::string& baseline,
                    const std::string& note) {
  const auto &a = hits.at(baseline), &b = hits.at(variant);
  const Interval interval = paired_interval(a, b, 0.95);
  return {points * (mean(b) - mean(a)), Interval{points * interval.low, points * interval.high},
          static_cast<int64_t>(a.size()), note};
}

void report(Study& study, const std::string& title, const Experiment& experiment, size_t seeds) {
  Table table{title, {"variant", "accuracy", "by seed", "parameters"}, {}};
  for (const auto& [name, hits] : experiment.hits) {
    std::string by_seed;
    const size_t each = hits.size() / seeds;
    for (size_t s = 0; s < seeds; ++s) {
      by_seed +=
          fmt::format("{}{:.3f}", s == 0 ? "" : " ", mean(std::span(hits).subspan(s * each, each)));
    }
    table.rows.push_back({name, mean(hits), by_seed, experiment.parameters.at(name)});
  }
  for (const auto& [name, values] : experiment.recurrent) {
    std::string by_seed;
    for (const double value : values) by_seed += fmt::format("{:.3f} ", value);
    table.rows.push_back({name, mean(values), by_seed, experiment.parameters.at(name)});
  }
  table.rows.push_back({std::string("learned, with Gaussians"), mean(experiment.gaussian),
                        std::string(""), experiment.parameters.at("learned")});
  study.table(std::move(table));
}

Experiment run_coincide(Study& study, const std::vector<uint64_t>& seeds, const Sizes& sizes,
                        DelayTraining training) {
  Experiment experiment;
  for (const uint64_t seed : seeds) {
    training.seed = seed;
    const Splits data = make_coincide({}, sizes.train, sizes.validation, sizes.test, seed);
    run_variants(experiment, data, 1.005, training, sizes.recurrent_epochs);
  }
  report(study, "coincide (synthetic), test accuracy", experiment, seeds.size());
  if (study.quick()) return experiment;
  const std::string note = fmt::format("synthetic data, {} seeds", seeds.size());
  const auto& none = experiment.hits.at("none");
  Estimate chance{mean(none), {}, static_cast<int64_t>(none.size()), note};
  chance.interval =
      wilson_interval(chance.value * static_cast<double>(none.size()), chance.samples, 0.95);
  study.evidence("coincide-none", chance);
  study.evidence("coincide-random", difference(experiment.hits, "random", "none", note));
  study.evidence("coincide-learned", difference(experiment.hits, "learned", "random", note));
  study.evidence("coincide-rounded",
                 {points * (mean(experiment.gaussian) - mean(experiment.hits.at("learned"))),
                  {},
                  static_cast<int64_t>(seeds.size()),
                  note});
  return experiment;
}

Experiment run_digits(Study& study, const std::vector<uint64_t>& seeds, const Sizes& sizes,
                      DelayTraining training) {
  Experiment experiment;
  for (const uint64_t seed : seeds) {
    training.seed = seed;
    const Splits data =
        load_spoken_digits(digits_folder(study.places()), DigitSplit::speaker, seed, {});
    run_variants(experiment, data, 1.5, training, sizes.recurrent_epochs);
  }
  report(study, "Spoken digits of an unheard speaker, test accuracy", experiment, seeds.size());
  const std::string note = fmt::format(
      "{} seeds, another speaker held out each; the interval is over recordings", seeds.size());
  study.evidence("digits-learned", difference(experiment.hits, "learned", "none", note));
  const Estimate first = difference(experiment.hits, "learned", "random", note);
  const Estimate second = difference(experiment.hits, "random", "none", note);
  study.evidence("digits-order", first.value < second.value ? first : second);
  return experiment;
}

/// Share of hidden spikes that differ between the stream and plain loops over the rounded
/// convolution, both in float.
double differing_spikes(const Net& net, const SpikeTrains& trains, int64_t examples) {
  int64_t differ = 0, spikes = 0;
  DelayStream stream(net, Path::events);
  const Layer& layer = net.layers[0];
  const auto weight = layer.weight.data<float>();
  const auto delay = layer.delay.data<uint8_t>();
  const int64_t in = net.channels(), out = layer.weight.shape()[0];
  for (int64_t e = 0; e < examples; ++e) {
    const auto counts = trains.example(e);
    std::vector<float> membrane(static_cast<size_t>(out));
    stream.reset();
    for (int64_t t = 0; t < trains.bins; ++t) {
      stream.push(counts.subspan(static_cast<size_t>(t * in), static_cast<size_t>(in)));
      for (int64_t i = 0; i < out; ++i) {
        float sum = layer.shift.data<float>()[static_cast<size_t>(i)];
        for (int64_t j = 0; j < in; ++j) {
          const auto at = static_cast<size_t>(i * in + j);
          if (t >= delay[at]) {
            sum += weight[at] * counts[static_cast<size_t>((t - delay[at]) * in + j)];
          }
        }
        float& v = membrane[static_cast<size_t>(i)];
        v = net.leak * v + sum;
        const bool fires = v >= 1;
        if (fires) v = 0;
        const auto word = stream.spikes(0)[static_cast<size_t>(i / 64)];
        differ += fires != ((word >> (i % 64) & 1) != 0) ? 1 : 0;
        spikes += fires ? 1 : 0;
      }
    }
  }
  return spikes == 0 ? 1 : static_cast<double>(differ) / static_cast<double>(spikes);
}

/// One addition a synapse and bin.
double dense_additions(const Net& net, int64_t bins) {
  double sum = 0;
  for (size_t l = 0; l < net.layers.size(); ++l) {
    const double heard = static_cast<double>(bins + (static_cast<int64_t>(l) + 1) * net.tail());
    sum += heard * static_cast<double>(net.layers[l].weight.size());
  }
  return sum;
}

measure::Latency time_bins(const Net& net, Path path, const SpikeTrains& trains, double seconds) {
  const TeamSize alone(1);
  DelayStream stream(net, path);
  const auto width = static_cast<size_t>(trains.channels);
  const size_t bins = trains.counts.size() / width;
  size_t bin = 0;
  measure::Options options;
  options.max_seconds = seconds;
  return measure::measure(
      [&] {
        if (bin % static_cast<size_t>(trains.bins) == 0) stream.reset();
        stream.push(std::span(trains.counts).subspan(bin * width, width));
        bin = (bin + 1) % bins;
      },
      options);
}

void report_inference(Study& study, const Net& net, const SpikeTrains& test) {
  const int64_t examples = std::min<int64_t>(test.size(), study.quick() ? 20 : 200);
  study.evidence("same-spikes", {differing_spikes(net, test, examples),
                                 {},
                                 examples,
                                 "first layer; all layers exactly, with integer weights, in the "
                                 "tests"});
  DelayStream stream(net, Path::events);
  double additions = 0;
  for (int64_t e = 0; e < examples; ++e) {
    listen(stream, test, e, 1);
    additions += static_cast<double>(stream.additions()) / static_cast<double>(examples);
  }
  const double dense = dense_additions(net, test.bins);
  study.evidence("fewer-operations",
                 {dense / additions,
                  {},
                  examples,
                  fmt::format("{:.0f} additions an example instead of {:.0f}", additions, dense)});
  Table table{"Time of one bin, one thread, microseconds", {"path", "p50", "p99"}, {}};
  for (const Path path : {Path::events, Path::recall}) {
    const auto latency = time_bins(net, path, test, study.quick() ? 1.5 : 15);
    table.rows.push_back(
        {std::string(name(path)), 1e3 * latency.p50.value, 1e3 * latency.p99.value});
    if (path != Path::events) continue;
    Estimate factor{latency.p99.value / test.bin_ms, {}, latency.runs, "event by event"};
    factor.interval = Interval{latency.p99.low / test.bin_ms, latency.p99.high / test.bin_ms};
    study.evidence("real-time", factor);
  }
  study.table(std::move(table));
}

/// Accuracy against how much was heard, by margin.
void report_decisions(Study& study, const Net& net, const SpikeTrains& test) {
  Table table{"Early answers", {"margin", "mean ms heard", "accuracy"}, {}};
  Series series{"learned delays", {}, {}, {}, {}, true};
  DelayStream stream(net, Path::events);
  for (const double margin : {0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0}) {
    double heard = 0, right = 0;
    for (int64_t e = 0; e < test.size(); ++e) {
      const Reading found = listen(stream, test, e, margin);
      heard += test.bin_ms * static_cast<double>(std::min(found.bins, test.bins));
      right += found.best == test.labels[static_cast<size_t>(e)] ? 1 : 0;
    }
    const double count = static_cast<double>(test.size());
    table.rows.push_back({margin, heard / count, right / count});
    series.x.push_back(heard / count);
    series.y.push_back(right / count);
  }
  study.table(std::move(table));
  study.picture(
      {"Accuracy against decision time", "mean ms heard", "accuracy", false, false, {series}});
}

}  // namespace

void snn_delays_reproduce(Study& study) {
  at::set_num_threads(study.threads());
  const Sizes sizes = study.quick() ? Sizes{2, 1, 256, 60, 60} : Sizes{40, 40, 1000, 300, 500};
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 1 : 2);
  DelayTraining training;
  training.epochs = sizes.epochs;
  training.line = [&study](const std::string& text) { study.progress(0, text); };
  Experiment shown = run_coincide(study, seeds, sizes, training);
  if (!study.quick() && !study.places().data.empty()) {
    training.line = [&study](const std::string& text) { study.progress(0.4, text); };
    shown = run_digits(study, seeds, sizes, training);
  } else if (!study.quick()) {
    study.not_shown("digits-learned", "no folder of data was given");
    study.not_shown("digits-order", "no folder of data was given");
  }
  report_inference(study, *shown.learned, shown.test);
  report_decisions(study, *shown.learned, shown.test);
  study.note(
      fmt::format("coincide is synthetic: {} training, {} validation, {} test examples. "
                  "Hidden 2 x 64, kernel 25 bins of 10 ms; checkpoints by validation with "
                  "rounded delays.",
                  sizes.train, sizes.validation, sizes.test));
  study.note(
      "Spoken digits: the Free Spoken Digit Dataset, takes 0 to 29 of six speakers, four to "
      "train. The encoder normalises by the whole recording: its front end isn't streaming.");
  study.note("Not shown: SHD, SSC and GSC.");
}

}  // namespace betimes::system
