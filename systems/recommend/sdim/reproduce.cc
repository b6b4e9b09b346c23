#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/system/study.h"
#include "systems/recommend/common/ranking.h"
#include "systems/recommend/sdim/reproduce_checks.h"
#include "systems/recommend/sdim/train_longhist.h"
#include "systems/recommend/sdim/train_sequences.h"

namespace betimes::system {
namespace {

using namespace systems::sdim;
namespace recommend = systems::recommend;

struct Data {
  HistoryDataset training, validation, test;
  int64_t items = 0;
  std::vector<int64_t> categories;
};

learn::Trained train_on(const Data& set, CtrModel& model, int epochs, double rate, uint64_t seed) {
  CtrTraining how;
  how.epochs = epochs;
  how.rate = rate;
  how.seed = seed;
  return train_model(model, set.training, set.validation, how, [](const learn::Epoch&) {});
}

std::map<std::string, double> scores(CtrModel& model, const HistoryDataset& test) {
  const std::vector<float> found = predict(model, test);
  const at::Tensor labels = test.labels().contiguous();
  const at::Tensor users = test.users().to(at::kInt).contiguous();
  const auto n = static_cast<size_t>(labels.numel());
  const std::span<const float> truth(labels.data_ptr<float>(), n);
  return {{"AUC", recommend::auc(found, truth)},
          {"GAUC", recommend::grouped_auc(found, truth, {users.data_ptr<int32_t>(), n})},
          {"log loss", recommend::log_loss(found, truth)}};
}

/// Trains and tests every kind of attention on the data that each seed makes, at the learning rate
/// that is best for it on the first seed's validation data.
Scores compare(Study& study, const std::vector<Attention>& kinds,
               const std::vector<uint64_t>& seeds, int epochs,
               const std::function<const Data&(uint64_t)>& data) {
  const std::vector<double> rates =
      study.quick() ? std::vector<double>{3e-3} : std::vector<double>{1e-3, 3e-3, 1e-2};
  std::map<Attention, double> chosen;
  std::vector<Variant> variants;
  for (const Attention kind : kinds) {
    variants.push_back({name(kind), [&, kind](uint64_t seed) {
                          const Data& set = data(seed);
                          ModelOptions options;
                          options.items = set.items;
                          options.categories = set.categories;
                          double best = -1;
                          std::map<std::string, double> found;
                          const auto at = chosen.find(kind);
                          for (const double rate :
                               at == chosen.end() ? rates : std::vector{at->second}) {
                            torch::manual_seed(seed);
                            CtrModel model(kind, options);
                            const double score = train_on(set, model, epochs, rate, seed).best;
                            if (score <= best) continue;
                            best = score;
                            chosen[kind] = rate;
                            found = scores(model, set.test);
                          }
                          return found;
                        }});
  }
  return study.run(variants, seeds);
}

/// Keeps the data of the seed at hand only.
template <class Make>
std::function<const Data&(uint64_t)> one_at_a_time(Make make) {
  auto kept = std::make_shared<std::optional<std::pair<uint64_t, Data>>>();
  return [=](uint64_t seed) -> const Data& {
    if (!*kept || (*kept)->first != seed) kept->emplace(seed, make(seed));
    return (*kept)->second;
  };
}

void compare_longhist(Study& study) {
  const int64_t training = study.quick() ? 3'000 : 100'000;
  const int64_t validation = study.quick() ? 500 : 5'000, test = study.quick() ? 1'000 : 30'000;
  const auto data = one_at_a_time([=, &study](uint64_t seed) {
    LonghistOptions options;
    options.seed = seed;
    if (study.quick()) options.users = 500;
    const Longhist made = make_longhist(options, training + validation + test);
    return Data{dataset(made, 0, training), dataset(made, training, validation),
                dataset(made, training + validation, test), options.items, categories(made)};
  });
  const std::vector<Attention> kinds =
      study.quick() ? std::vector<Attention>{Attention::none, Attention::sampled}
                    : all_attentions();
  const Scores found = compare(study, kinds, study.quick() ? study.seeds(1) : study.seeds(3),
                               study.quick() ? 1 : 2, data);
  study.table(found.table("longhist (synthetic), L = 1024, d = 32, " + std::to_string(training) +
                          " samples, two epochs at the best of three rates"));
  if (study.quick()) return;
  const auto auc = [&](Attention kind) { return found.of("AUC", name(kind)); };
  Scores shares;
  const auto none = auc(Attention::none), full = auc(Attention::full),
             own = auc(Attention::sampled);
  for (size_t i = 0; i < own.size(); ++i) {
    shares.add("share", "SDIM", (own[i] - none[i]) / (full[i] - none[i]));
  }
  const auto below = [&](Attention kind) {
    return found.difference("AUC", name(kind), name(Attention::sampled));
  };
  const Estimate gap = found.difference("AUC", name(Attention::full), name(Attention::none));
  if (gap.interval && gap.interval->low > 0) {
    study.evidence("gap-recovered", shares.mean("share", "SDIM"));
  } else {
    study.not_shown("gap-recovered",
                    fmt::format("there is no gap here to recover: DIN-long is {:+.3f} AUC above "
                                "attention to the last 50, which is noise",
                                gap.value));
  }
  study.evidence("near-full", below(Attention::full));
  study.evidence("beats-mean",
                 found.difference("AUC", name(Attention::sampled), name(Attention::mean)));
}

void compare_sequences(Study& study) {
  const std::string file = study.places().data + "/ctr/amazon_video_sequences.txt.gz";
  if (study.places().data.empty() || !std::filesystem::exists(file)) {
    study.not_shown("real-par", "the sequences aren't here: --data names the folder that has ctr/");
    return;
  }
  const Sequences sequences = read_sequences(file);
  const auto data = one_at_a_time([&](uint64_t seed) {
    NextItems made = next_items(sequences, seed);
    return Data{made.training, made.validation, made.test, sequences.items + 1, {}};
  });
  const Scores found = compare(study, {Attention::none, Attention::full, Attention::sampled},
                               study.seeds(3), 3, data);
  study.table(found.table(
      "Amazon video sequences (real), next item against a random one, three epochs at the best of "
      "three rates"));
  study.evidence("real-par",
                 found.difference("AUC", name(Attention::full), name(Attention::sampled)));
}

}  // namespace

void sdim_reproduce(Study& study) {
  torch::set_num_threads(study.threads());
  check_kernel(study);
  compare_longhist(study);
  if (!study.quick()) compare_sequences(study);
  check_latency(study);
  study.note(
      "longhist is synthetic: epochs of topics, so that the last 50 items miss what is long past.");
  study.note("The online gains at Meituan and e-commerce logs can't be shown here.");
}

}  // namespace betimes::system
