#include "bench/cost/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "betimes/base/ranks.h"
#include "betimes/base/statistics.h"

namespace betimes::bench {
namespace {

using Groups = std::set<std::string>;

const char* name(New what) {
  switch (what) {
    case New::model_and_device:
      return "model and device";
    case New::model:
      return "model";
    case New::device:
      return "device";
  }
  return "?";
}

/// The references count as lessons, too: every device has them.
std::vector<Lesson> lessons(const std::vector<const Samples*>& devices, const Groups& left_out) {
  std::vector<Lesson> all;
  for (const Samples* samples : devices) {
    for (const MeasuredNet& net : samples->nets) {
      if (left_out.contains(net.group)) continue;
      for (const cost::KernelTime& kernel : net.kernels) {
        all.push_back(lesson(samples->device, kernel, net.p50));
      }
    }
  }
  return all;
}

std::vector<cost::Kernel> kernels(const MeasuredNet& net) {
  return {net.kernels.begin(), net.kernels.end()};
}

/// Kernels of a network as another device of the same list measured them: those of this device may
/// be missing (a peer has none).
std::vector<cost::Kernel> kernels_of(const Samples& samples, const std::string& name) {
  for (const MeasuredNet& net : samples.nets) {
    if (net.name == name) return kernels(net);
  }
  return {};
}

std::vector<Groups> folds_of(const std::vector<Samples>& devices, int count) {
  std::vector<std::string> order;
  for (const Samples& samples : devices) {
    for (const MeasuredNet& net : samples.nets) {
      if (net.family != "real") continue;
      if (std::find(order.begin(), order.end(), net.group) == order.end()) {
        order.push_back(net.group);
      }
    }
  }
  std::vector<Groups> folds(static_cast<size_t>(count));
  for (size_t i = 0; i < order.size(); ++i) folds[i % folds.size()].insert(order[i]);
  return folds;
}

/// Where the steps of a device without any come from: our runtime with as many threads.
const Samples& steps_source(const std::vector<Samples>& devices, const Samples& samples) {
  if (!samples.nets.empty() && !samples.nets[0].kernels.empty()) return samples;
  const Samples* best = nullptr;
  for (const Samples& each : devices) {
    if (each.nets.empty() || each.nets[0].kernels.empty()) continue;
    const auto fits = [&](const Samples& s) {
      return std::pair(s.device.machine.threads == samples.device.machine.threads,
                       s.device.machine.isa == samples.device.machine.isa);
    };
    if (!best || fits(each) > fits(*best)) best = &each;
  }
  return best ? *best : samples;
}

/// The device as it was while the models ran: with the latencies that its references had among them
/// rather than when it was probed.
cost::Device at_that_time(const Samples& samples) {
  cost::Device device = samples.device;
  for (cost::ReferenceLatency& each : device.references) {
    for (const MeasuredNet& net : samples.nets) {
      if (net.family != "reference" || net.name != each.name) continue;
      each.p50 = each.low = each.high = net.p50;
      each.p90 = net.p90;
      each.p99 = net.p99;
    }
  }
  return device;
}

void predict_fold(const Samples& samples, const Samples& source, const Groups& fold,
                  std::shared_ptr<const cost::CostModel> learned, New what,
                  std::vector<Held>& held) {
  std::vector<std::vector<cost::Kernel>> references;
  for (const cost::ReferenceLatency& each : samples.device.references) {
    references.push_back(kernels_of(source, each.name));
  }
  for (const std::string method : {"learned", "roofline"}) {
    cost::PredictOptions options;
    options.model = method;
    const cost::DeviceModel model(at_that_time(samples), options, learned, {}, references);
    for (const MeasuredNet& net : samples.nets) {
      if (net.family != "real" || !fold.contains(net.group)) continue;
      const auto steps = kernels_of(source, net.name);
      if (steps.empty()) continue;
      const cost::Prediction prediction = model.predict(steps);
      Held found{samples.device.name, net.name, net.group,      method,  what,
                 prediction.p50,      net.p50,  prediction.p99, net.p99, 0};
      found.kernels = net.kernels;
      found.steps = prediction.steps;
      found.floor = std::abs(std::log(net.halves[0] / net.halves[1]));
      held.push_back(std::move(found));
    }
  }
}

/// The n + 1 - th part of the errors of other groups that a conformal interval must reach over.
void find_levels(std::vector<Held>& held) {
  for (Held& each : held) {
    double below = 0;
    double others = 0;
    for (const Held& other : held) {
      if (other.method != each.method || other.what != each.what || other.group == each.group) {
        continue;
      }
      others += 1;
      below += other.error() < each.error() ? 1 : 0;
    }
    each.needed = (below + 1) / (others + 1);
  }
}

/// Models of a device that a rank correlation says something of.
constexpr size_t fewest_ranked = 5;

struct Summary {
  size_t count = 0;
  double within = 0, middle = 0, rank = 0, covered = 0, tail = 0, floor = 0, floor_within = 0;
};

Summary summary(const std::vector<const Held*>& held, double level) {
  Summary s;
  std::vector<double> errors;
  std::vector<double> floors;
  std::vector<double> tails;
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> by_device;
  for (const Held* each : held) {
    const double error = std::abs(each->predicted / each->measured - 1);
    errors.push_back(error);
    tails.push_back(std::abs(each->predicted_p99 / each->measured_p99 - 1));
    floors.push_back(std::expm1(each->floor));
    s.within += error <= 0.1 ? 1 : 0;
    s.covered += each->needed <= level ? 1 : 0;
    s.floor_within += floors.back() <= 0.1 ? 1 : 0;
    by_device[each->device].first.push_back(each->predicted);
    by_device[each->device].second.push_back(each->measured);
  }
  s.count = held.size();
  const double n = std::max<double>(static_cast<double>(s.count), 1);
  s.within /= n;
  s.covered /= n;
  s.floor_within /= n;
  s.middle = median(errors);
  s.floor = median(floors);
  s.tail = median(tails);
  double ranked = 0;
  for (const auto& [device, pair] : by_device) {
    if (pair.first.size() < fewest_ranked) continue;
    s.rank += spearman(pair.first, pair.second);
    ranked += 1;
  }
  s.rank /= ranked;  // NaN where nothing is to be ranked
  return s;
}

std::string row(const std::string& label, const std::vector<const Held*>& held, double level) {
  const Summary s = summary(held, level);
  const std::string rank = std::isnan(s.rank) ? "-" : fmt::format("{:.3f}", s.rank);
  return fmt::format(
      "| {} | {} | {:.0f} % | {:.1f} % | {} | {:.0f} % | {:.0f} % | {:.1f} %, {:.0f} % |\n", label,
      s.count, 100 * s.within, 100 * s.middle, rank, 100 * s.covered, 100 * s.tail, 100 * s.floor,
      100 * s.floor_within);
}

std::string table(const std::vector<Held>& held, const std::string& label,
                  const std::string& (*key)(const Held&), New what, const std::string& method,
                  double level) {
  std::map<std::string, std::vector<const Held*>> parts;
  std::vector<const Held*> all;
  for (const Held& each : held) {
    if (each.what != what || each.method != method) continue;
    parts[key(each)].push_back(&each);
    all.push_back(&each);
  }
  std::string text = fmt::format(
      "| {} | predictions | within 10 % | median error | Spearman | coverage of {:.0f} % | "
      "median error of p99 | floor: median, within 10 % |\n|---|---|---|---|---|---|---|---|\n",
      label, 100 * level);
  text += row("**all**", all, level);
  for (const auto& [name, part] : parts) text += row(name, part, level);
  return text;
}

}  // namespace

double Held::error() const { return std::abs(std::log(measured / predicted)); }

std::vector<Held> evaluate(const std::vector<Samples>& devices, const TrainOptions& options,
                           int folds) {
  std::vector<Held> held;
  const auto learn = [&](const std::vector<const Samples*>& from, const Groups& fold) {
    return std::shared_ptr<const cost::CostModel>(cost::learned_kernels(
        cost::BoostedTrees::parse(train_kernels(lessons(from, fold), options), "trees of a fold")));
  };
  std::vector<const Samples*> all;
  for (const Samples& each : devices) all.push_back(&each);
  for (const Groups& fold : folds_of(devices, folds)) {
    const auto known = learn(all, fold);
    for (const Samples& samples : devices) {
      const Samples& source = steps_source(devices, samples);
      predict_fold(samples, source, fold, known, New::model, held);
      std::vector<const Samples*> others = all;
      std::erase(others, &samples);
      if (others.empty()) continue;
      predict_fold(samples, source, fold, learn(others, fold), New::model_and_device, held);
    }
    fmt::print(stderr, "a fold of {} groups done\n", fold.size());
  }
  const Groups everything = folds_of(devices, 1)[0];
  for (const Samples& samples : devices) {
    std::vector<const Samples*> others = all;
    std::erase(others, &samples);
    if (others.empty()) continue;
    predict_fold(samples, steps_source(devices, samples), everything, learn(others, {}),
                 New::device, held);
  }
  find_levels(held);
  return held;
}

std::string train_on_all(const std::vector<Samples>& devices, const TrainOptions& options) {
  std::vector<const Samples*> all;
  for (const Samples& each : devices) all.push_back(&each);
  return train_kernels(lessons(all, {}), options);
}

std::string calibration_json(const std::vector<Held>& held) {
  nlohmann::ordered_json json;
  for (const std::string method : {"learned", "roofline"}) {
    std::vector<double> errors;
    for (const Held& each : held) {
      if (each.method == method && each.what == New::model_and_device)
        errors.push_back(each.error());
    }
    std::sort(errors.begin(), errors.end());
    for (double& each : errors) each = std::round(1e5 * each) / 1e5;
    json["log_errors"][method] = errors;
  }
  // A table gives the device's own measurements back: it is off by what repeating them is.
  std::vector<double> floors;
  std::set<std::string> groups;
  for (const Held& each : held) {
    if (each.method != "learned" || each.what != New::model_and_device) continue;
    floors.push_back(std::round(1e5 * each.floor) / 1e5);
    groups.insert(each.group);
  }
  std::sort(floors.begin(), floors.end());
  json["log_errors"]["table"] = floors;
  json["groups"] = groups.size();
  return json.dump() + "\n";
}

std::string markdown(const std::vector<Held>& held, double level) {
  const auto by_device = [](const Held& each) -> const std::string& { return each.device; };
  const auto by_model = [](const Held& each) -> const std::string& { return each.group; };
  std::string text = "### A new model on a new device, ten references known\n\n";
  text += table(held, "device", by_device, New::model_and_device, "learned", level) + "\n";
  text += table(held, "model", by_model, New::model_and_device, "learned", level);
  text += "\n### A new model on a device that was learned from\n\n";
  text += table(held, "device", by_device, New::model, "learned", level);
  text += "\n### A model that was learned from, on a new device, ten references known\n\n";
  text += table(held, "device", by_device, New::device, "learned", level);
  text +=
      "\n### A new model on a new device by the roofline, adapted to the references in the same "
      "way\n\n";
  text += table(held, "device", by_device, New::model_and_device, "roofline", level);
  return text;
}

std::string csv(const std::vector<Held>& held) {
  std::string text = "predicted_ms,measured_ms,floor,needed,method,new,device,model\n";
  for (const Held& each : held) {
    text += fmt::format("{:.6g},{:.6g},{:.4f},{:.4f},{},{},\"{}\",\"{}\"\n", each.predicted,
                        each.measured, each.floor, each.needed, each.method, name(each.what),
                        each.device, each.model);
  }
  return text;
}

std::string steps_csv(const std::vector<Held>& held) {
  std::string text =
      "device,model,op,kernel,kind,bits,macs,bytes,rows,inner,columns,groups,taps,steps,predicted_"
      "ms,"
      "measured_ms\n";
  for (const Held& each : held) {
    if (each.what != New::model_and_device || each.method != "learned") continue;
    for (size_t i = 0; i < each.kernels.size(); ++i) {
      const cost::KernelTime& k = each.kernels[i];
      const cost::KernelWork& w = k.work;
      text += fmt::format(
          "\"{}\",\"{}\",{},\"{}\",{},{},{:.0f},{:.0f},{:.0f},{:.1f},{:.0f},{:.0f},{:.0f},{:.0f},"
          "{:.6g},{:.6g}\n",
          each.device, each.model, k.op, k.kernel, name(w.kind), w.bits, w.macs, w.bytes, w.rows,
          w.inner, w.columns, w.groups, w.taps, w.steps, each.steps[i].ms, k.ms);
    }
  }
  return text;
}

}  // namespace betimes::bench
