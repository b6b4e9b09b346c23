#include <fmt/format.h>
#include <torch/utils.h>

#include "systems/search/cbnet/reproduce_parts.h"

// The negative test: photographs, whose classes no single image stands for.

namespace betimes::systems::cbnet {
namespace {

/// Mean squared difference of a converted training image and its target.
double conversion_error(Converter g, const ConversionPairs& pairs) {
  const torch::NoGradGuard no_gradient;
  std::mt19937_64 random(1);
  const learn::Batch batch =
      pairs.get(torch::arange(std::min<int64_t>(2'000, pairs.size())), random);
  return torch::mse_loss(g->forward(batch.inputs[0]), batch.inputs[1]).item<double>();
}

system::Table table_of(const DataSet& data, const Base& base) {
  return {fmt::format("{}: {} training images, tau {:.3f}, one seed", data.name,
                      data.parts.training.size(), base.tau),
          {"method", "all %", "hard %", "conversion error"},
          {}};
}

}  // namespace

void compare_photographs(system::Study& study) {
  std::string why_not;
  const std::optional<DataSet> data = grey_photographs(study.places().data, why_not);
  if (!data) {
    study.not_shown("fails-on-photographs", why_not);
    return;
  }
  const Sizes sizes;
  Recipe recipe = sizes.recipe(study.seed());
  const Report report = [&](const learn::Epoch& epoch) {
    study.progress(0.95, "photographs: " + to_string(epoch));
  };
  const search::Images &training = data->parts.training, &test = data->parts.test;
  Base base = build_base(training, data->parts.held_out, data->class_names, recipe, report);
  const Answers exits = answers(base.net, test.images);
  const at::Tensor hard = easy_images(exits.first, test.labels, base.tau).logical_not();
  system::Table table = table_of(*data, base);
  const auto add = [&](const std::string& name, const at::Tensor& right,
                       const system::Cell& error) {
    table.rows.push_back({name, points * right.mean().item<double>(),
                          points * right.masked_select(hard).mean().item<double>(), error});
  };
  const at::Tensor branchy = hits(mixed(exits.first, exits.last, base.tau), test.labels);
  add(branchy_name, branchy, std::string("-"));
  add(raw_name, hits(exits.first, test.labels), std::string("-"));
  torch::manual_seed(study.seed());
  Plain plain(PlainWidths{});
  train_classifier(torch::nn::AnyModule(plain), training, recipe.branchy, report);
  add("plain network 784-256-128-10",
      hits(apply_all([&](const at::Tensor& x) { return plain->forward(x); }, test.images),
           test.labels),
      std::string("-"));
  for (const TargetRule rule :
       {TargetRule::random_easy, TargetRule::nearest_easy, TargetRule::prototype}) {
    recipe.target.rule = rule;
    const Built built = build_converted(base, training, data->class_names, recipe, report);
    Converted net(built.g, built.tuned);
    const at::Tensor right = hits(
        apply_all([&](const at::Tensor& x) { return net->forward(x); }, test.images), test.labels);
    const ConversionPairs pairs(training, base.seen, data->class_names, recipe.target);
    add(converted_name(rule, true), right, conversion_error(built.g, pairs));
    if (rule == TargetRule::prototype) {
      study.evidence("fails-on-photographs", difference_over_images(right, branchy));
    }
  }
  study.table(std::move(table));
  study.note(fmt::format(
      "{}: a quarter of the data set, JPEG copies; {} images to train on, {} held out, {} for the "
      "test.",
      data->name, training.size(), data->parts.held_out.size(), test.size()));
}

}  // namespace betimes::systems::cbnet
