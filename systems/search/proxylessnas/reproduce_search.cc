#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/statistics.h"
#include "systems/search/proxylessnas/reproduce_parts.h"

namespace betimes::systems::proxylessnas {
namespace {

constexpr double points = 100;
constexpr double strength = 0.15;  // of the latency, within what the paper's code takes
constexpr const char* phone_file = "/mobile-latency-tables/pixel1_proxyless.yaml";

struct Sizes {
  int64_t training = 8000, held_out = 4000, test = 10'000;
  int warm_up = 6, epochs = 14, retraining = 8;
  int random_nets = 5;
};

/// A network with what it turned out to be worth.
struct Entrant {
  std::string name;
  search::BlockNet net;
  double accuracy = 0;  // %
  double ms = 0;        // measured beside the others
  std::string blocks;
  double own_cost = 0, phone_cost = 0;
};

class Comparison {
 public:
  Comparison(system::Study& study, const Space& space, const OwnTable& own)
      : study_(study), space_(space), own_(table_costs(space, own.table)) {
    if (study.quick()) sizes_ = {320, 160, 250, 1, 2, 1, 1};
    parts_ = search::fashion_parts(sizes_.training, sizes_.held_out, sizes_.test);
    const std::string file = study.places().data + phone_file;
    if (!study.places().data.empty() && std::filesystem::exists(file)) {
      phone_ = phone_costs(space, search::PhoneTable::read(file), uniform_ms());
    }
  }

  void run() {
    const SearchResult found = search("searched, own table", own_, LatencyLoss::Form::additive);
    report_entropy(found);
    std::optional<SearchResult> for_phone;
    if (phone_) {
      for_phone = search("searched, phone table", *phone_, LatencyLoss::Form::additive);
    }
    if (!study_.quick()) {
      search("searched, MACs", mac_costs(space_), LatencyLoss::Form::additive);
      search("searched, own table, by reward", own_, LatencyLoss::Form::additive, Mode::reinforce);
    }
    const size_t first_random = entrants_.size();
    add_random(own_.total(found.choice));
    const size_t first_uniform = entrants_.size();
    const std::vector<double> widths = study_.quick()
                                           ? std::vector<double>{0.62, 1.0}
                                           : std::vector<double>{0.5, 0.62, 0.75, 0.87, 1.0};
    for (const double width : widths) {
      add("uniform k3 e6 x " + fmt::format("{}", width), space_.net(space_.uniform(3, 6), width));
    }
    time_all();
    const size_t equal = equal_uniform(first_uniform);
    train_all(first_uniform, equal);
    judge(first_random, first_uniform, equal, for_phone.has_value());
    print(first_uniform, equal);
  }

 private:
  double uniform_ms() const { return own_.total(space_.uniform(3, 6)); }

  SearchResult search(const std::string& name, const Costs& costs, LatencyLoss::Form form,
                      Mode mode = Mode::two_path) {
    SearchOptions options;
    options.mode = mode;
    options.warm_up = sizes_.warm_up;
    options.epochs = sizes_.epochs;
    options.seed = study_.seed();
    if (study_.quick()) {  // a handful of steps that must move something
      options.batch = 32;
      options.arch_every = 1;
      options.arch_rate = 0.3;
    }
    options.latency.form = form;
    options.latency.reference_ms = 0.7 * costs.total(space_.uniform(3, 6));
    options.latency.strength = strength;
    SearchResult found = search_architecture(
        space_, costs, parts_.training, parts_.held_out, options, [&](const std::string& line) {
          study_.progress(0.1 + 0.1 * static_cast<double>(entrants_.size()), name + ": " + line);
        });
    add(name, space_.net(found.choice));
    entrants_.back().blocks = describe(space_, found.choice);
    entrants_.back().own_cost = own_.total(found.choice);
    if (phone_) entrants_.back().phone_cost = phone_->total(found.choice);
    seconds_.push_back(found.seconds);
    return found;
  }

  void add(const std::string& name, const search::BlockNet& net) {
    entrants_.push_back({name, net, 0, 0, "", 0, 0});
  }

  /// Architectures drawn until the table says that they take as long as the searched one, to 5 %.
  void add_random(double ms) {
    Random random(study_.seed() + 1);
    constexpr int most_draws = 200'000;
    for (int drawn = 0, kept = 0; kept < sizes_.random_nets && drawn < most_draws; ++drawn) {
      const Choice choice = space_.random(random);
      if (std::abs(own_.total(choice) / ms - 1) > 0.05) continue;
      add(fmt::format("random {}", ++kept), space_.net(choice));
      entrants_.back().blocks = describe(space_, choice);
    }
  }

  void time_all() {
    std::vector<search::BlockNet> nets;
    for (const Entrant& entrant : entrants_) nets.push_back(entrant.net);
    search::TimingOptions timing;
    timing.seconds = study_.quick() ? 1 : 40;
    timing.rounds = study_.quick() ? 15 : 100;
    const auto times = search::time_nets(nets, timing);
    for (size_t i = 0; i < times.size(); ++i) entrants_[i].ms = times[i].ms;
  }

  /// The narrowest uniform network that takes at least 95 % of the searched one's time; the widest
  /// where none does.
  size_t equal_uniform(size_t first) const {
    for (size_t i = first; i < entrants_.size(); ++i) {
      if (entrants_[i].ms >= 0.95 * entrants_[0].ms) return i;
    }
    return entrants_.size() - 1;
  }

  bool trained(size_t i, size_t first_uniform, size_t equal) const {
    return i < first_uniform || i == equal || i + 1 == entrants_.size();
  }

  void train_all(size_t first_uniform, size_t equal) {
    for (size_t i = 0; i < entrants_.size(); ++i) {
      if (!trained(i, first_uniform, equal)) continue;
      study_.progress(0.5 + 0.5 * static_cast<double>(i) / static_cast<double>(entrants_.size()),
                      "training anew: " + entrants_[i].name);
      torch::manual_seed(study_.seed());
      search::BlockModel model(entrants_[i].net);
      search::ImageTraining how;
      how.epochs = sizes_.retraining;
      how.seed = study_.seed();
      search::train_images(model, parts_.training, how);
      entrants_[i].accuracy = points * search::image_accuracy(model, parts_.test);
    }
  }

  void report_entropy(const SearchResult& found) {
    double start = 0;
    for (size_t l = 0; l < space_.layers(); ++l) {
      start += std::log(static_cast<double>(space_.candidates(l).size())) /
               static_cast<double>(space_.layers());
    }
    system::Estimate entropy;
    entropy.value = found.entropies.back() / start;
    entropy.note = fmt::format("{:.3f} after {:.3f} nats", found.entropies.back(), start);
    study_.evidence("entropy-falls", entropy);
  }

  void judge(size_t first_random, size_t first_uniform, size_t equal, bool phone) {
    const Entrant& own = entrants_[0];
    const auto one = [](double value, std::string note) {
      system::Estimate found;
      found.value = value;
      found.note = std::move(note);
      return found;
    };
    if (!study_.quick()) {
      study_.evidence("beats-uniform",
                      one(own.accuracy - entrants_[equal].accuracy,
                          fmt::format("one search; {} takes {:.2f} x the time",
                                      entrants_[equal].name, entrants_[equal].ms / own.ms)));
      std::vector<double> random;
      for (size_t i = first_random; i < first_uniform; ++i) {
        random.push_back(own.accuracy - entrants_[i].accuracy);
      }
      if (random.empty()) {
        study_.not_shown("beats-random",
                         "none of the networks drawn is as fast as the searched one");
      } else {
        system::Estimate above = one(mean(random), "one search");
        above.samples = static_cast<int64_t>(random.size());
        if (random.size() > 1) above.interval = normal_interval(random, 0.95);
        study_.evidence("beats-random", above);
      }
      const Entrant& uniform = entrants_.back();
      study_.evidence(
          "equal-and-faster",
          one(own.accuracy >= uniform.accuracy - 0.5 ? uniform.ms / own.ms : 0,
              fmt::format("{:.2f} % against {:.2f} %", own.accuracy, uniform.accuracy)));
    }
    if (study_.quick()) return;
    if (!phone) {
      study_.not_shown("device-specific",
                       "the phone's table isn't here: --data names the folder that "
                       "has mobile-latency-tables/");
      return;
    }
    const Entrant& other = entrants_[1];
    const bool same = own.blocks == other.blocks;
    const double apart = std::abs(own.accuracy - other.accuracy);
    int wins = int{own.own_cost < other.own_cost} + int{other.phone_cost < own.phone_cost};
    if (same || apart > 1) wins = 0;
    study_.evidence("device-specific",
                    one(wins, fmt::format("{} networks, {:.2f} points of accuracy apart",
                                          same ? "equal" : "different", apart)));
  }

  void print(size_t first_uniform, size_t equal) {
    system::Table table{
        fmt::format("Fashion-MNIST: searched on {} + {} images, {} + {} epochs; trained "
                    "anew for {} epochs; median of one image on one thread",
                    sizes_.training, sizes_.held_out, sizes_.warm_up, sizes_.epochs,
                    sizes_.retraining),
        {"network", "test %", "ms", "MACs (M)", "table ms", "phone table ms", "blocks"},
        {}};
    const auto cost = [](double value) {
      return value > 0 ? system::Cell(value) : system::Cell("-");
    };
    for (size_t i = 0; i < entrants_.size(); ++i) {
      const Entrant& e = entrants_[i];
      table.rows.push_back({e.name,
                            trained(i, first_uniform, equal) ? system::Cell(e.accuracy) : "-", e.ms,
                            static_cast<double>(search::macs(e.net)) * 1e-6, cost(e.own_cost),
                            cost(e.phone_cost), e.blocks});
    }
    study_.table(std::move(table));
    study_.note(fmt::format("A search took {:.0f} s on the average.", mean(seconds_)));
  }

  system::Study& study_;
  const Space& space_;
  Costs own_;
  std::optional<Costs> phone_;
  Sizes sizes_;
  search::ImageParts parts_;
  std::vector<Entrant> entrants_;
  std::vector<double> seconds_;
};

}  // namespace

void check_search(system::Study& study, const Space& space, const OwnTable& own) {
  if (!std::filesystem::exists(search::fashion_folder)) {
    std::vector<const char*> ids = {"entropy-falls"};
    if (!study.quick()) {
      ids.insert(ids.end(),
                 {"beats-uniform", "beats-random", "equal-and-faster", "device-specific"});
    }
    for (const char* id : ids) {
      study.not_shown(id, "needs the Debian package dataset-fashion-mnist");
    }
    return;
  }
  Comparison(study, space, own).run();
}

}  // namespace betimes::systems::proxylessnas
