#include "systems/search/cbnet/train_converter.h"

#include <torch/utils.h>

namespace betimes::systems::cbnet {
namespace {

constexpr double activity_weight = 1e-6;

}  // namespace

void train_converter(Converter& g, const ConversionPairs& pairs, const Training& how,
                     const Report& report) {
  const auto loss = [&](const learn::Batch& batch) {
    const at::Tensor code = g->encode(batch.inputs[0]);
    return torch::mse_loss(g->decode(code), batch.inputs[1]) +
           activity_weight * code.abs().sum(1).mean();
  };
  train_with(*g, pairs, loss, how, report);
}

void tune(Front& f, Converter& g, const search::Images& images, const Training& how,
          const Report& report) {
  g->eval();
  const auto convert = [&](const at::Tensor& batch) { return g->forward(batch); };
  const search::Images converted{apply_all(convert, images.images), images.labels};
  train_classifier(torch::nn::AnyModule(f), converted, how, report);
}

void tune_jointly(Converted& net, const ConversionPairs& pairs, const Training& how,
                  const Report& report) {
  const auto loss = [&](const learn::Batch& batch) {
    const at::Tensor converted = net->g->forward(batch.inputs[0]);
    return torch::cross_entropy_loss(net->f->forward(converted), batch.targets) +
           torch::mse_loss(converted, batch.inputs[1]);
  };
  train_with(*net, pairs, loss, how, report);
}

Base build_base(const search::Images& training, const search::Images& held_out,
                const std::vector<std::string>& class_names, const Recipe& recipe,
                const Report& report) {
  torch::manual_seed(recipe.branchy.seed);
  Base base;
  base.net = Branchy(recipe.lenet);
  train_branchy(base.net, training, recipe.branchy, report);
  base.tau = tau_of(answers(base.net, held_out.images), held_out.labels);
  const Answers seen = answers(base.net, training.images);
  base.seen = {seen.features, entropies(seen.first), training.labels,
               easy_images(seen.first, training.labels, base.tau)};
  if (recipe.lower_bar) {
    base.seen.easy = with_lower_bar(base.seen, seen.first.argmax(1) == training.labels, class_names,
                                    base.lowered);
  }
  easy_by_class(base.seen, class_names);
  return base;
}

Built build_converted(const Base& base, const search::Images& training,
                      const std::vector<std::string>& class_names, const Recipe& recipe,
                      const Report& report) {
  const ConversionPairs pairs(training, base.seen, class_names, recipe.target);
  torch::manual_seed(recipe.conversion.seed);
  Built built;
  built.g = Converter(recipe.converter);
  train_converter(built.g, pairs, recipe.conversion, report);
  built.untouched = copy_of(base.net->front, recipe.lenet);
  built.tuned = copy_of(base.net->front, recipe.lenet);
  tune(built.tuned, built.g, training, recipe.tuning, report);
  return built;
}

}  // namespace betimes::systems::cbnet
