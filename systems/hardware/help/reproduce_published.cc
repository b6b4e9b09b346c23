#include <fmt/format.h>

#include <cmath>
#include <map>
#include <utility>

#include "systems/hardware/help/reproduce_parts.h"
#include "systems/hardware/help/workload.h"

namespace betimes::systems::help {
namespace {

using system::Cell;

const char* const claimed[] = {"published-fbnet", "published-nasbench", "ten-are-enough", "line"};
const char* const as_paper = "as the paper does";
const char* const ten_only = "the references alone";
constexpr Protocol protocols[] = {Protocol::paper, Protocol::own_range, Protocol::references};

/// What the paper has for a device, with ten samples.
const std::map<std::pair<SpaceName, std::string>, double> paper = {
    {{SpaceName::fbnet, "fpga"}, 0.892},
    {{SpaceName::fbnet, "raspi4"}, 0.887},
    {{SpaceName::fbnet, "eyeriss"}, 0.943},
    {{SpaceName::nasbench201, "titan_rtx_256"}, 0.987},
    {{SpaceName::nasbench201, "gold_6226"}, 0.989},
    {{SpaceName::nasbench201, "pixel2"}, 0.802},
    {{SpaceName::nasbench201, "raspi4"}, 0.890},
    {{SpaceName::nasbench201, "eyeriss"}, 0.940},
    {{SpaceName::nasbench201, "fpga"}, 0.985}};

/// A space with its published predictor.
struct Published {
  Tables tables;
  Predictor predictor;
  std::vector<Device> devices;
};

std::vector<Published> read_all(const system::Places& places) {
  std::vector<Published> found;
  for (const SpaceName name : {SpaceName::fbnet, SpaceName::nasbench201, SpaceName::ofa}) {
    const std::string weights = published_file(places, name);
    if (weights.empty() || !tables_present(places.data, name)) return {};
    Published one{read_tables(places.data, name), read_predictor(weights), {}};
    one.devices = make_devices(one.tables, one.tables.space.unseen);
    found.push_back(std::move(one));
  }
  return found;
}

/// Scores by protocol: of one device over draws, or of one draw over devices.
using ByProtocol = std::map<Protocol, std::vector<Scored>>;

/// What the claims are about, one value for each draw of samples.
class Evidence {
 public:
  void add(SpaceName space, const ByProtocol& devices) {
    scores_.add(name(space), as_paper, average(devices.at(Protocol::paper)).spearman);
    for (const Scored& scored : devices.at(Protocol::own_range)) {
      log_range_ += std::log(scored.error_by_range);
      log_line_ += std::log(scored.error_by_line);
      ++devices_;
    }
    if (space == SpaceName::ofa) return;
    for (const Protocol protocol : {Protocol::paper, Protocol::references}) {
      const std::vector<Scored>& found = devices.at(protocol);
      ranked_[protocol].insert(ranked_[protocol].end(), found.begin(), found.end());
    }
  }
  /// All spaces have been added for this draw.
  void close() {
    scores_.add("rank", as_paper, average(ranked_[Protocol::paper]).spearman);
    scores_.add("rank", ten_only, average(ranked_[Protocol::references]).spearman);
    scores_.add("error", "range", std::exp(log_range_ / devices_));
    scores_.add("error", "line", std::exp(log_line_ / devices_));
    ranked_.clear();
    log_range_ = log_line_ = devices_ = 0;
  }
  const system::Scores& scores() const { return scores_; }

 private:
  system::Scores scores_;
  ByProtocol ranked_;
  double log_range_ = 0, log_line_ = 0, devices_ = 0;
};

void judge_claims(system::Study& study, const Evidence& evidence) {
  const auto noted = [](system::Estimate found) {
    found.note = "published weights; interval over draws of the ten samples";
    return found;
  };
  const system::Scores& scores = evidence.scores();
  study.evidence("published-fbnet", noted(scores.mean(name(SpaceName::fbnet), as_paper)));
  study.evidence("published-nasbench", noted(scores.mean(name(SpaceName::nasbench201), as_paper)));
  study.evidence("ten-are-enough", noted(scores.difference("rank", as_paper, ten_only)));
  study.evidence("line", noted(scores.ratio("error", "range", "line")));
}

void add_row(system::Table& table, const Published& one, const Device& device,
             const ByProtocol& found) {
  const Scored own = average(found.at(Protocol::own_range));
  const auto known = paper.find({one.tables.space.name, device.name});
  table.rows.push_back(
      {fmt::format("{} {}", name(one.tables.space.name), device.name),
       known == paper.end() ? Cell("-") : Cell(known->second),
       average(found.at(Protocol::paper)).spearman, own.spearman,
       average(found.at(Protocol::references)).spearman,
       one.tables.macs.empty() ? Cell("-") : Cell(macs_spearman(one.tables, device)),
       100 * own.error_by_range, 100 * own.error_by_line, 100 * own.right_decisions,
       100 * own.extrapolated, 1e3 * own.adapt_seconds});
}

/// Every protocol on one device with one draw of the samples, added to what was found of it.
void score_device(const Published& one, const Device& device, EvaluateOptions options,
                  ByProtocol& of_device, ByProtocol& of_draw) {
  for (const Protocol protocol : protocols) {
    options.protocol = protocol;
    const Scored found = evaluate(one.predictor, one.tables, device, options);
    of_device[protocol].push_back(found);
    of_draw[protocol].push_back(found);
  }
}

}  // namespace

void check_published(system::Study& study) {
  study.progress(0, "published weights");
  const std::vector<Published> all = read_all(study.places());
  if (all.empty()) {
    for (const char* id : claimed) {
      study.not_shown(id,
                      "tables or published weights aren't here: --data names the folder that has "
                      "help-nas-latency/, and help-predictors/ in it or in models/ beside it");
    }
    return;
  }
  const int draws = study.quick() ? 2 : 10, supports = study.quick() ? 5 : 20;
  Evidence evidence;
  std::map<std::pair<size_t, size_t>, ByProtocol> found;  // space and device -> of each draw
  for (int support = 0; support < supports; ++support) {
    study.progress(0.1 * support / supports, "published weights");
    EvaluateOptions options;
    options.adapt.draws = draws;
    options.supports = 1;
    options.seed = study.seed() + static_cast<uint64_t>(support);
    for (size_t i = 0; i < all.size(); ++i) {
      ByProtocol of_draw;
      for (size_t j = 0; j < all[i].devices.size(); ++j) {
        score_device(all[i], all[i].devices[j], options, found[{i, j}], of_draw);
      }
      evidence.add(all[i].tables.space.name, of_draw);
    }
    evidence.close();
  }
  judge_claims(study, evidence);
  system::Table table{
      fmt::format("Published weights, {} draws of ten samples. Rank correlation as the paper takes "
                  "it, with labels scaled by the samples alone, with the ten references as the "
                  "samples, and of multiply-accumulates; by own range: error in % of the mean "
                  "latency by matching ranges and by the line, budgets rightly judged (%), "
                  "predictions beyond the samples (%), ms to adapt and to predict 800",
                  supports),
      {"device", "paper", "here", "own range", "references", "MACs", "by range", "by line", "right",
       "beyond", "ms"},
      {}};
  for (const auto& [place, scored] : found) {
    const Published& one = all[place.first];
    add_row(table, one, one.devices[place.second], scored);
  }
  study.table(std::move(table));
}

}  // namespace betimes::systems::help
