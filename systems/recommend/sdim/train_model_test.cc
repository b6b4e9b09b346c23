#include "systems/recommend/sdim/train_model.h"

#include <gtest/gtest.h>

#include "betimes/base/error.h"
#include "systems/recommend/sdim/scorer.h"
#include "systems/recommend/sdim/train_longhist.h"
#include "systems/recommend/sdim/train_sequences.h"

namespace betimes::systems::sdim {
namespace {

ModelOptions small() {
  ModelOptions options;
  options.items = 60;
  options.width = 8;
  options.recent = 5;
  options.searched = 4;
  options.attention = 8;
  options.hidden = {6};
  options.hash = {12, 3, 9};
  return options;
}

/// The same, of items that have one of seven categories.
ModelOptions categorised() {
  ModelOptions options = small();
  for (int64_t i = 0; i < options.items; ++i) options.categories.push_back(i * i % 7);
  return options;
}

TEST(CtrModel, ServedFromBucketsIsTheModelItself) {
  torch::manual_seed(1);
  const torch::NoGradGuard no_gradient;
  const ModelOptions options = categorised();
  CtrModel model(Attention::sampled, options);
  model->eval();
  const at::Tensor history = at::randint(60, {1, 37}, at::kLong);
  const at::Tensor candidates = at::randint(60, {1, 11}, at::kLong);
  const at::Tensor expected = model->forward(candidates, history);

  const auto hash = std::make_shared<SignHash>(8, options.hash);
  for (const bool cache : {true, false}) {
    SampledScorer scorer(sampled_graph(model, options), hash, 3, 11, 1, cache);
    std::vector<float> items;
    for (int64_t i = 0; i < 37; ++i) {
      const auto row =
          scorer.embeddings().subspan(static_cast<size_t>(history[0][i].item<int64_t>()) * 8, 8);
      items.insert(items.end(), row.begin(), row.end());
    }
    BehaviourEncoder encoder(hash, 3);
    encoder.rebuild(items);
    const at::Tensor recent = history.slice(1, -5).contiguous();
    const std::span<const int64_t> asked(candidates.data_ptr<int64_t>(), 11),
        last(recent.data_ptr<int64_t>(), 5);
    const auto found = scorer.score(asked, last, *encoder.publish());
    for (int64_t i = 0; i < 11; ++i) {
      EXPECT_NEAR(found[static_cast<size_t>(i)], expected[0][i].item<float>(), 1e-5);
    }
    BehaviourEncoder old(hash, 2);
    EXPECT_THROW(scorer.score(asked, last, *old.publish()), Error);
    BehaviourEncoder other(std::make_shared<SignHash>(8, HashOptions{12, 3, 10}), 3);
    EXPECT_THROW(scorer.score(asked, last, *other.publish()), Error);
  }
}

TEST(CtrModel, ServedFromTheHistoryIsTheModelItself) {
  torch::manual_seed(2);
  const torch::NoGradGuard no_gradient;
  for (const Attention attention : {Attention::none, Attention::full, Attention::mean}) {
    CtrModel model(attention, attention == Attention::mean ? small() : categorised());
    model->eval();
    const at::Tensor history = at::randint(60, {1, 20}, at::kLong);
    const at::Tensor candidates = at::randint(60, {1, 7}, at::kLong);
    const at::Tensor expected = model->forward(candidates, history);
    HistoryScorer scorer(history_graph(model, 20), 7, 20, 1);
    const auto found =
        scorer.score({candidates.data_ptr<int64_t>(), 7}, {history.data_ptr<int64_t>(), 20});
    for (int64_t i = 0; i < 7; ++i) {
      EXPECT_NEAR(found[static_cast<size_t>(i)], expected[0][i].item<float>(), 1e-5)
          << name(attention);
    }
  }
}

TEST(CtrModel, EveryAttentionTrainsOnItsOwnHistories) {
  LonghistOptions made;
  made.items = 60;
  made.topics = 10;
  made.users = 20;
  made.length = 24;
  made.recent_window = 5;
  const Longhist data = make_longhist(made, 300);
  ModelOptions options = small();
  options.categories = categories(data);
  const auto training = dataset(data, 0, 200), validation = dataset(data, 200, 100);
  for (const Attention attention : all_attentions()) {
    torch::manual_seed(3);
    CtrModel model(attention, options);
    CtrTraining how;
    how.epochs = 8;
    how.batch = 20;
    how.rate = 0.02;
    std::vector<double> losses;
    train_model(model, training, validation, how,
                [&](const learn::Epoch& epoch) { losses.push_back(epoch.loss); });
    EXPECT_LT(losses.back(), losses.front()) << name(attention);
  }
}

TEST(NextItems, AreOfTheirUsersAndAfterTheirHistories) {
  Sequences sequences;
  sequences.items = 100;
  for (int32_t u = 0; u < 3; ++u) {
    auto& items = sequences.users.emplace_back();
    for (int32_t i = 0; i < (u == 1 ? 19 : 40); ++i) items.push_back(1 + u + 2 * i);
  }
  const NextItems made = next_items(sequences, 4);
  // Two users have 20 items: of 30 after the tenth, four are for testing and four for validation.
  EXPECT_EQ(made.test.size(), 2 * 2 * 4);
  EXPECT_EQ(made.validation.size(), 2 * 2 * 4);
  EXPECT_EQ(made.training.size(), 2 * 2 * 22);
  const at::Tensor users = made.test.users(), labels = made.test.labels();
  std::mt19937_64 random(1);
  for (int64_t i = 0; i < made.test.size(); ++i) {
    const int64_t user = i < 8 ? 0 : 2, at = 36 + i % 8 / 2;
    EXPECT_EQ(users[i].item<int64_t>(), user);
    EXPECT_EQ(labels[i].item<float>(), i % 2 == 0 ? 1 : 0) << "a click, then a random item";
    const learn::Batch row = made.test.get(at::full({1}, i, at::kLong), random);
    const at::Tensor history = row.inputs[1][0];
    EXPECT_EQ(history[-1].item<int64_t>(), 1 + user + 2 * (at - 1));
    EXPECT_EQ(history[63 - at].item<int64_t>(), 0) << "padded in front";
    if (i % 2 == 0) {
      EXPECT_EQ(row.inputs[0][0][0].item<int64_t>(), 1 + user + 2 * at);
    }
  }
}

TEST(Longhist, MostOfWhatTellsLiesFarBack) {
  LonghistOptions options;
  options.users = 200;
  const Longhist made = make_longhist(options, 4000);
  double clicks = 0, far = 0, near_only = 0;
  for (const auto& sample : made.samples) {
    const auto& history = made.histories[static_cast<size_t>(sample.user)];
    const int32_t topic = made.item_topic[static_cast<size_t>(sample.item)];
    const auto share = [&](size_t from, size_t to) {
      double hits = 0;
      for (size_t t = from; t < to; ++t) {
        hits += made.item_topic[static_cast<size_t>(history[t])] == topic;
      }
      return hits / static_cast<double>(to - from);
    };
    if (sample.label < 0.5f) continue;
    ++clicks;
    far += share(0, 974) > 0.05;
    near_only += share(974, 1024) > 0.3 && share(0, 974) <= 0.05;
  }
  EXPECT_GT(far / clicks, 0.5);
  EXPECT_GT(near_only / clicks, 0.05);
  LonghistOptions bad;
  bad.length = 10;
  EXPECT_THROW(make_longhist(bad, 1), Error);
}

}  // namespace
}  // namespace betimes::systems::sdim
