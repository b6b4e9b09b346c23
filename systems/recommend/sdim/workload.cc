#include "systems/recommend/sdim/workload.h"

#include <cmath>
#include <filesystem>

#include "betimes/base/error.h"
#include "betimes/base/random.h"
#include "betimes/import/onnx.h"
#include "systems/recommend/common/ranking.h"
#include "systems/recommend/sdim/longhist.h"
#include "systems/recommend/sdim/scorer.h"

namespace betimes::systems::sdim {
namespace {

constexpr int64_t candidates = 512;
constexpr int64_t width = 32;
constexpr int64_t samples = 6000;     // of each part
constexpr uint64_t task_seed = 4242;  // users that training hasn't seen

std::string text(const fit::Setting& setting, const char* knob) {
  return std::get<std::string>(setting.at(knob));
}

int number(const fit::Setting& setting, const char* knob) {
  return static_cast<int>(std::get<int64_t>(setting.at(knob)));
}

TablePrecision precision_of(const std::string& name) {
  return name == "int8"   ? TablePrecision::int8
         : name == "fp16" ? TablePrecision::fp16
                          : TablePrecision::fp32;
}

graph::Graph read(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    throw Error(path, "isn't there", "betimes train sdim, which writes it");
  }
  return import::read_onnx(path);
}

class SdimWorkload : public fit::Workload {
 public:
  explicit SdimWorkload(const system::OpenOptions& options)
      : threads_(options.threads),
        knobs_(knob_space()),
        sampled_(read(Files(options.places.weights).sampled)),
        full_(read(Files(options.places.weights).full)),
        recent_(read(Files(options.places.weights).recent)) {
    LonghistOptions made;
    made.seed = task_seed;
    made.users = 500;
    data_ = make_longhist(made, 2 * samples);
    Random random(options.seed);
    for (int64_t& item : request_) {
      item = static_cast<int64_t>(random.below(data_.item_topic.size()));
    }
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    setting_ = setting;
    sampler_.reset();
    history_.reset();
    tables_.clear();
    make_scorers(candidates);
  }

  void run() override {
    next_ = (next_ + 1) % data_.histories.size();
    score(next_, request_);
  }

  judge::Quality quality(fit::Part part) override {
    const size_t first = part == fit::Part::validation ? 0 : static_cast<size_t>(samples);
    std::vector<float> scores, labels;
    make_scorers(1);
    for (size_t i = first; i < first + static_cast<size_t>(samples); ++i) {
      const Longhist::Sample& sample = data_.samples[i];
      const int64_t item = sample.item;
      scores.push_back(score(static_cast<size_t>(sample.user), {&item, 1})[0]);
      labels.push_back(sample.label);
    }
    make_scorers(candidates);
    judge::Quality quality;
    quality.value = recommend::auc(scores, labels);
    // Hanley and McNeil's (1982) error of an AUC.
    double positives = 0;
    for (const float label : labels) positives += double{label};
    const double negatives = static_cast<double>(labels.size()) - positives, a = quality.value;
    const double q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    const double error =
        std::sqrt((a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)) /
                  (positives * negatives));
    quality.low = a - 1.96 * error;
    quality.high = a + 1.96 * error;
    quality.examples = samples;
    return quality;
  }

 private:
  void make_scorers(int64_t count) {
    const std::string path = text(setting_, "path");
    sampler_.reset();
    history_.reset();
    if (path == "sampled") {
      const HashOptions options{number(setting_, "functions"), number(setting_, "bits"), 1};
      const auto hash = std::make_shared<SignHash>(static_cast<int>(width), options);
      sampler_ = std::make_unique<SampledScorer>(sampled_, hash, 1, count, threads_);
      if (tables_.empty()) encode(hash);
    } else {
      const bool all = path == "full";
      history_ = std::make_unique<HistoryScorer>(
          all ? full_ : recent_, count, all ? length() : LonghistOptions().recent_window, threads_);
    }
  }

  int64_t length() const { return static_cast<int64_t>(data_.histories[0].size()); }

  void encode(const std::shared_ptr<const SignHash>& hash) {
    const auto embeddings = sampler_->embeddings();
    for (const auto& history : data_.histories) {
      std::vector<float> items;
      for (const int32_t item : history) {
        const auto row = embeddings.subspan(static_cast<size_t>(item * width), width);
        items.insert(items.end(), row.begin(), row.end());
      }
      BehaviourEncoder encoder(hash, 1, precision_of(text(setting_, "table")));
      encoder.rebuild(items);
      tables_.push_back(encoder.publish());
    }
  }

  std::span<const float> score(size_t user, std::span<const int64_t> items) {
    const auto& history = data_.histories[user];
    const bool all = text(setting_, "path") == "full";
    const auto window = static_cast<size_t>(all ? length() : LonghistOptions().recent_window);
    recent_items_.assign(history.end() - static_cast<int64_t>(window), history.end());
    if (sampler_) return sampler_->score(items, recent_items_, *tables_[user]);
    return history_->score(items, recent_items_);
  }

  int threads_;
  fit::KnobSpace knobs_;
  graph::Graph sampled_, full_, recent_;
  Longhist data_;
  std::vector<int64_t> request_ = std::vector<int64_t>(candidates);
  std::vector<int64_t> recent_items_;
  fit::Setting setting_;
  std::unique_ptr<SampledScorer> sampler_;
  std::unique_ptr<HistoryScorer> history_;
  std::vector<std::shared_ptr<const BucketTable>> tables_;
  size_t next_ = 0;
};

}  // namespace

fit::KnobSpace knob_space() {
  fit::KnobSpace space;
  const auto texts = [](std::vector<std::string> names) {
    fit::Categories categories;
    for (std::string& name : names) categories.values.emplace_back(std::move(name));
    return categories;
  };
  space.add(
      {"path", texts({"sampled", "full", "recent"}), std::string("sampled"),
       "what a request sees of the history: published buckets, all of it, its last 50 items"});
  space.add({"functions", fit::Integers{6, 96, 6}, int64_t{48},
             "hash functions; more of them vary less and cost more in proportion"});
  space.add({"bits", fit::Integers{1, 6, 1}, int64_t{3},
             "of a signature; more of them see nearer items only, in tables of 2^bits rows"});
  space.add({"table", texts({"fp32", "fp16", "int8"}), std::string("fp32"),
             "how a table is stored and sent"});
  space.require("functions are a multiple of bits", [](const fit::Setting& setting) {
    return number(setting, "functions") % number(setting, "bits") == 0;
  });
  return space;
}

std::unique_ptr<fit::Workload> open_workload(const system::OpenOptions& options) {
  return std::make_unique<SdimWorkload>(options);
}

}  // namespace betimes::systems::sdim
