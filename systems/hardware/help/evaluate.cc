#include "systems/hardware/help/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/base/ranks.h"
#include "betimes/base/statistics.h"

namespace betimes::systems::help {
namespace {

using Field = double Scored::*;
constexpr Field fields[] = {&Scored::spearman,      &Scored::error_by_range,
                            &Scored::error_by_line, &Scored::right_decisions,
                            &Scored::extrapolated,  &Scored::adapt_seconds};

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

double relative_error(const Line& line, const std::vector<float>& predicted,
                      const std::vector<double>& ms) {
  double sum = 0;
  for (size_t i = 0; i < ms.size(); ++i) sum += std::abs(line(double{predicted[i]}) - ms[i]);
  return sum / static_cast<double>(ms.size()) / mean(ms);
}

/// `ms` are sorted.
double right_decisions(const Line& line, const std::vector<float>& predicted,
                       const std::vector<double>& ms) {
  double right = 0, all = 0;
  for (const double quartile : {0.25, 0.5, 0.75}) {
    const double budget = quantile_of_sorted(ms, quartile);
    for (size_t i = 0; i < ms.size(); ++i) {
      right += (line(double{predicted[i]}) <= budget) == (ms[i] <= budget);
      ++all;
    }
  }
  return right / all;
}

std::vector<float> support_labels(const Device& device, const std::vector<size_t>& support,
                                  Protocol protocol) {
  if (protocol == Protocol::paper) return gather(device.labels, support);
  const std::vector<double> ms = gather(device.ms, support);
  const auto [low, high] = std::minmax_element(ms.begin(), ms.end());
  if (*low == *high) throw Error(device.name, "all measured architectures are equally fast");
  return labels_of(ms, *low, *high);
}

Scored score(const Answers& answers, const Device& device, const std::vector<size_t>& support) {
  const std::vector<double> ms = gather(device.ms, device.held),
                            measured = gather(device.ms, support);
  Scored found;
  found.spearman = spearman(doubles(answers.held), ms);
  const auto [low, high] = std::minmax_element(answers.support.begin(), answers.support.end());
  for (const float each : answers.held) found.extrapolated += each < *low || each > *high;
  found.extrapolated /= static_cast<double>(ms.size());
  if (*low == *high) {  // no better than the mean
    const Line flat{0, mean(measured)};
    found.error_by_range = found.error_by_line = relative_error(flat, answers.held, ms);
    found.right_decisions = right_decisions(flat, answers.held, ms);
    return found;
  }
  const Line line = least_squares(answers.support, measured);
  found.error_by_range = relative_error(match_ranges(answers.support, measured), answers.held, ms);
  found.error_by_line = relative_error(line, answers.held, ms);
  found.right_decisions = right_decisions(line, answers.held, ms);
  return found;
}

}  // namespace

Scored average(const std::vector<Scored>& all) {
  if (all.empty()) throw Error("scores", "there are none");
  Scored found;
  for (const Field field : fields) {
    for (const Scored& each : all) found.*field += each.*field / static_cast<double>(all.size());
  }
  return found;
}

std::vector<size_t> draw(const std::vector<size_t>& values, size_t count, uint64_t seed) {
  if (count > values.size()) {
    throw Error("samples", fmt::format("{} of {} can't be drawn", count, values.size()));
  }
  Random random(seed);
  std::vector<size_t> found = values;
  for (size_t i = 0; i < count; ++i) std::swap(found[i], found[i + random.below(found.size() - i)]);
  found.resize(count);
  return found;
}

Scored evaluate(const Answer& answer, const Device& device, const EvaluateOptions& options) {
  using Clock = std::chrono::steady_clock;
  std::vector<Scored> all;
  for (int i = 0; i < options.supports; ++i) {
    const uint64_t seed = options.seed * 1000 + static_cast<uint64_t>(i);
    const std::vector<size_t> support = options.protocol == Protocol::references
                                            ? device.references
                                            : draw(device.pool, options.samples, seed);
    const std::vector<float> labels = support_labels(device, support, options.protocol);
    const auto begun = Clock::now();
    const Answers answers = answer(support, labels, seed);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    all.push_back(score(answers, device, support));
    all.back().adapt_seconds = seconds;
  }
  return average(all);
}

Scored evaluate(const Predictor& predictor, const Tables& tables, const Device& device,
                const EvaluateOptions& options) {
  const Encoded held = tables.architectures.rows(device.held);
  const Answer answer = [&](const std::vector<size_t>& support, const std::vector<float>& labels,
                            uint64_t seed) {
    const Encoded given = tables.architectures.rows(support);
    AdaptOptions adapt = options.adapt;
    adapt.seed = seed;
    const Adapted adapted(predictor, device.embedding, given, labels, adapt);
    return Answers{adapted.predict(given), adapted.predict(held)};
  };
  return evaluate(answer, device, options);
}

double mean_spearman(const Predictor& predictor, const Tables& tables,
                     const std::vector<Device>& devices, const EvaluateOptions& options) {
  double sum = 0;
  for (const Device& device : devices) {
    sum += evaluate(predictor, tables, device, options).spearman;
  }
  return sum / static_cast<double>(devices.size());
}

double macs_spearman(const Tables& tables, const Device& device) {
  return spearman(gather(tables.macs, device.held), gather(device.ms, device.held));
}

}  // namespace betimes::systems::help
