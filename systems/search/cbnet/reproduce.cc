#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "systems/search/cbnet/reproduce_parts.h"

namespace betimes::systems::cbnet {
namespace {

constexpr double none = 101;  // %: no share of hard inputs is large enough

/// Accuracies in percent, and how sure a method is when it errs.
void add_accuracies(const Contest& contest, const at::Tensor& labels, system::Scores& scores) {
  for (const Method& method : contest.methods) {
    const at::Tensor right = hits(method.logits, labels);
    const auto add = [&](const char* metric, const at::Tensor& mask) {
      if (!mask.any().item<bool>()) return;
      scores.add(metric, method.name, points * right.masked_select(mask).mean().item<double>());
    };
    add("all %", torch::ones_like(contest.hard));
    add("easy %", contest.hard.logical_not());
    add("hard %", contest.hard);
    add("exit not taken %", contest.not_taken);
    const at::Tensor wrong = right == 0;
    if (!wrong.any().item<bool>()) continue;
    const at::Tensor confidence = std::get<0>(torch::softmax(method.logits, 1).max(1));
    scores.add("confidence when wrong", method.name,
               confidence.masked_select(wrong).mean().item<double>());
  }
}

system::Table class_table(const DataSet& data, const Contest& contest) {
  system::Table table{fmt::format("Hard shares by class, first seed, tau {:.3f}", contest.base.tau),
                      {"class", "training %", "test %"},
                      {}};
  const auto share = [](const at::Tensor& mask, const at::Tensor& labels, size_t c) {
    const at::Tensor of_class = labels == static_cast<int64_t>(c);
    return points * mask.masked_select(of_class).to(at::kDouble).mean().item<double>();
  };
  for (size_t c = 0; c < data.class_names.size(); ++c) {
    table.rows.push_back({data.class_names[c],
                          share(contest.base.seen.easy.logical_not(), contest.base.seen.labels, c),
                          share(contest.hard, data.parts.test.labels, c)});
  }
  table.rows.push_back({std::string("all"),
                        points * (1 - contest.base.seen.easy.to(at::kDouble).mean().item<double>()),
                        points * contest.hard.to(at::kDouble).mean().item<double>()});
  return table;
}

system::Table cost_page() {
  system::Table table{"Multiply-adds on paper", {"part", "layers", "multiply-adds (M)"}, {}};
  for (const Cost& cost : cost_table({}, {})) {
    table.rows.push_back({cost.part, cost.layers, static_cast<double>(cost.macs) * 1e-6});
  }
  return table;
}

std::vector<double> means_by_share(const Latencies& latencies, const std::string& name) {
  std::vector<double> found;
  for (const double share : hard_shares()) {
    found.push_back(latencies.streams.mean(share_name(share), name).value);
  }
  return found;
}

/// The least share in percent from which the converter is faster, between measured ones by a line.
double crossing(const std::vector<double>& branchy, const std::vector<double>& converted) {
  const std::vector<double>& shares = hard_shares();
  for (size_t i = 0; i < shares.size(); ++i) {
    const double after = branchy[i] - converted[i];
    if (after < 0) continue;
    if (i == 0) return 0;
    const double before = branchy[i - 1] - converted[i - 1];
    return 100 * (shares[i - 1] + (shares[i] - shares[i - 1]) * -before / (after - before));
  }
  return none;
}

void judge_latency(system::Study& study, const Latencies& latencies) {
  study.evidence("flat", latencies.ratios.mean("flat", cbnet_name));
  study.evidence("branchy-rises", latencies.ratios.mean("flat", branchy_name));
  const auto branchy = means_by_share(latencies, branchy_name);
  const auto converted = means_by_share(latencies, cbnet_name);
  system::Estimate crosses;
  crosses.value = crossing(branchy, converted);
  crosses.note = fmt::format("at 100 %: BranchyNet {:.1f} us, f(g(x)) {:.1f} us", branchy.back(),
                             converted.back());
  study.evidence("crosses", crosses);
}

void judge_accuracy(system::Study& study, const system::Scores& scores,
                    const Latencies& latencies) {
  const auto above = [&](const char* metric, const std::string& rival) {
    return scores.difference(metric, cbnet_name, rival);
  };
  study.evidence("lifts-hard", above("hard %", raw_name));
  const system::Estimate over_branchy = above("all %", branchy_name);
  study.evidence("keeps-accuracy", over_branchy);
  const std::string random = converted_name(TargetRule::random_easy, true);
  const std::string nearest = converted_name(TargetRule::nearest_easy, true);
  const bool random_is_better =
      scores.mean("all %", random).value > scores.mean("all %", nearest).value;
  study.evidence("prototype-wins", above("all %", random_is_better ? random : nearest));
  study.evidence("over-plain", above("all %", plain_name));
  study.evidence("over-pruned", above("all %", pruned_name));
  study.evidence("over-lenet", speed_up(latencies.natural.ratio("mean us", lenet_name, cbnet_name),
                                        above("all %", lenet_name).value));
  study.evidence(
      "over-branchy",
      speed_up(latencies.natural.ratio("mean us", branchy_name, cbnet_name), over_branchy.value));
  study.not_shown("energy", "no energy counters are read here; processor time stands in the table");
}

const char* const pictured[] = {lenet_name, branchy_name, cbnet_name, controller_name, plain_name};

std::vector<double> in_percent(const std::vector<double>& shares) {
  std::vector<double> found;
  for (const double share : shares) found.push_back(100 * share);
  return found;
}

void draw(system::Study& study, const system::Scores& scores, const Latencies& latencies) {
  system::Picture times{"Latency of one image over the share of hard inputs",
                        "hard inputs, %",
                        "mean latency, us",
                        false,
                        false,
                        {}};
  system::Picture accuracy{
      "Accuracy over the share of hard inputs", "hard inputs, %", "accuracy, %", false, false, {}};
  const std::vector<double> x = in_percent(hard_shares());
  for (const std::string name : pictured) {
    times.series.push_back({name, x, means_by_share(latencies, name), {}, {}, true});
    const double easy = scores.mean("easy %", name).value, hard = scores.mean("hard %", name).value;
    std::vector<double> mixed_accuracy;
    for (const double share : hard_shares()) {
      mixed_accuracy.push_back((1 - share) * easy + share * hard);
    }
    accuracy.series.push_back({name, x, mixed_accuracy, {}, {}, true});
  }
  study.picture(std::move(times));
  study.picture(std::move(accuracy));
}

void add_notes(system::Study& study, const DataSet& data, const Sizes& sizes) {
  study.note(fmt::format(
      "{}: {} images to train on, {} to choose tau by, {} for the test. BranchyNet and what learns "
      "from raw images {} epochs, converters {}, tuning of f {}; batch {}.",
      data.name, data.parts.training.size(), data.parts.held_out.size(), data.parts.test.size(),
      sizes.classifier.epochs, sizes.conversion.epochs, sizes.tuning.epochs,
      sizes.classifier.batch));
  study.note(
      "Hard images are picked by f's own errors and doubts, so f(x) looks worst on them by "
      "construction, and whatever errs elsewhere looks better: compare LeNet and the plain network "
      "on the same images, and the column of exits not taken, which knows no label.");
  study.note(
      "Inferred, since the sources don't say: widths, losses' weights, optimiser, thresholds (tau "
      "is the largest up to 0.5 nats within 0.2 points of exit 2 on held-out images), targets.");
  study.note(
      "Latencies: one image, one thread, this runtime for all, in turns; the mean leaves out runs "
      "of "
      "over twenty medians, which something interrupted. Not shown: Raspberry Pi, energy in "
      "joules, "
      "GPU, Kuzushiji-MNIST.");
}

/// A network that never names some class right has no easy images of it to convert others into:
/// that ends this part, not the run.
void attempt(system::Study& study, const std::vector<const char*>& claims,
             const std::function<void()>& part) {
  try {
    part();
  } catch (const Error& error) {
    for (const char* id : claims) study.not_shown(id, error.what());
  }
}

void run(system::Study& study) {
  const Sizes sizes = Sizes::of(study.quick());
  const Matched matched = match_latency(study);
  const DataSet data = fashion(sizes.training, sizes.held_out, sizes.test);
  const std::vector<uint64_t> seeds = study.seeds(study.quick() ? 1 : 3);
  system::Scores scores;
  Latencies latencies;
  study.table(cost_page());
  for (size_t i = 0; i < seeds.size(); ++i) {
    const double share = 0.8 * static_cast<double>(i) / static_cast<double>(seeds.size());
    const Report report = [&](const learn::Epoch& epoch) {
      study.progress(share, to_string(epoch));
    };
    Contest contest = run_seed(data, sizes, matched, seeds[i], report);
    time_seed(study, data, contest, sizes, seeds[i], latencies);
    if (i == 0) {
      study.table(class_table(data, contest));
      if (!study.quick()) add_variants(contest, data, sizes, seeds[i], report);
    }
    for (const std::string& name : contest.base.lowered) {
      study.note(
          fmt::format("Seed {}: {} had no easy images; what exit 1 names right took their "
                      "place.",
                      seeds[i], name));
    }
    add_accuracies(contest, data.parts.test.labels, scores);
  }
  study.table(scores.table("Accuracy on the test images (single rows: first seed only)"));
  study.table(latencies.natural.table("Latency of one test image, one thread"));
  study.table(latencies.streams.table("Mean latency in us by the share of hard inputs"));
  judge_latency(study, latencies);
  if (study.quick()) {
    draw(study, scores, latencies);
  } else {
    judge_accuracy(study, scores, latencies);
    draw(study, scores, latencies);
    attempt(study, {"over-wide-lenet", "over-wide-branchy"}, [&] { compare_wide(study, data); });
    attempt(study, {"fails-on-photographs"}, [&] { compare_photographs(study); });
  }
  add_notes(study, data, sizes);
}

}  // namespace
}  // namespace betimes::systems::cbnet

namespace betimes::system {

System cbnet_system();

void cbnet_reproduce(Study& study) {
  torch::set_num_threads(study.threads());
  if (std::filesystem::exists(systems::search::fashion_folder)) {
    systems::cbnet::run(study);
    return;
  }
  for (const Claim& claim : cbnet_system().claims) {
    if (study.quick() && !claim.in_quick) continue;
    study.not_shown(claim.id, "needs the Debian package dataset-fashion-mnist");
  }
}

}  // namespace betimes::system
