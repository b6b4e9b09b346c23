#include <fmt/format.h>
#include <torch/utils.h>

#include "betimes/base/statistics.h"
#include "systems/search/cbnet/reproduce_parts.h"

namespace betimes::systems::cbnet {
namespace {

/// A network of that kind, drawn from the seed and trained on raw images.
template <class Holder, class Widths>
Holder trained(const Widths& widths, const search::Images& images, const Training& how,
               const Report& report) {
  torch::manual_seed(how.seed);
  Holder net(widths);
  train_classifier(torch::nn::AnyModule(net), images, how, report);
  return net;
}

template <class Holder>
at::Tensor logits_of(Holder net, const at::Tensor& images) {
  net->eval();
  return apply_all([&](const at::Tensor& batch) { return net->forward(batch); }, images);
}

/// Pruned by the trained LeNet's weights and tuned for half as long as that took.
Lenet pruned_and_tuned(Lenet& whole, double kept, const search::Images& images, const Training& how,
                       const Report& report) {
  Lenet small = pruned(whole, kept_share({}, kept));
  Training tuning = how;
  tuning.epochs = std::max(1, how.epochs / 2);
  tuning.rate = how.rate / 2;
  train_classifier(torch::nn::AnyModule(small), images, tuning, report);
  return small;
}

class Seed {
 public:
  Seed(const DataSet& data, const Sizes& sizes, uint64_t seed, const Report& report)
      : data_(data), training_(data.parts.training), recipe_(sizes.recipe(seed)), report_(report) {
    how_ = sizes.classifier;
    how_.seed = seed;
  }

  Contest run(const Matched& matched) {
    const at::Tensor& images = data_.parts.test.images;
    contest_.base =
        build_base(training_, data_.parts.held_out, data_.class_names, recipe_, report_);
    const Answers exits = answers(contest_.base.net, images);
    const double tau = contest_.base.tau;
    contest_.not_taken = entropies(exits.first) > tau;
    contest_.hard = easy_images(exits.first, data_.parts.test.labels, tau).logical_not();
    add_rivals(matched, exits);
    for (const TargetRule rule :
         {TargetRule::random_easy, TargetRule::nearest_easy, TargetRule::prototype}) {
      recipe_.target.rule = rule;
      contest_.cbnet =
          build_converted(contest_.base, training_, data_.class_names, recipe_, report_);
      add(converted_name(rule, false), Converted(contest_.cbnet.g, contest_.cbnet.untouched));
      add(converted_name(rule, true), Converted(contest_.cbnet.g, contest_.cbnet.tuned));
    }
    contest_.methods.push_back(
        {controller_name, mixed(exits.first, contest_.methods.back().logits, tau)});
    return std::move(contest_);
  }

 private:
  void add_rivals(const Matched& matched, const Answers& exits) {
    contest_.lenet = trained<Lenet>(LenetWidths{}, training_, how_, report_);
    add(lenet_name, contest_.lenet);
    contest_.methods.push_back({"exit 2 of BranchyNet", exits.last});
    contest_.methods.push_back({branchy_name, mixed(exits.first, exits.last, contest_.base.tau)});
    contest_.methods.push_back({raw_name, exits.first});
    add("f from scratch", trained<Front>(LenetWidths{}, training_, how_, report_));
    torch::manual_seed(how_.seed);
    Front student(LenetWidths{});
    distil(student, training_, logits_of(contest_.lenet, training_.images), how_, report_);
    add("f distilled from LeNet", student);
    contest_.plain = trained<Plain>(matched.plain, training_, how_, report_);
    add(plain_name, contest_.plain);
    contest_.small = pruned_and_tuned(contest_.lenet, matched.kept, training_, how_, report_);
    add(pruned_name, contest_.small);
  }

  template <class Holder>
  void add(const std::string& name, Holder net) {
    contest_.methods.push_back({name, logits_of(net, data_.parts.test.images)});
  }

  const DataSet& data_;
  const search::Images& training_;
  Recipe recipe_;
  Training how_;
  Report report_;
  Contest contest_;
};

}  // namespace

std::string converted_name(TargetRule rule, bool tuned) {
  return fmt::format("f(g(x)), {}, f {}", name(rule), tuned ? "tuned" : "untouched");
}

Sizes Sizes::of(bool quick) {
  if (!quick) return {};
  Sizes sizes;
  sizes.training = 2'000;
  sizes.held_out = 300;
  sizes.test = 500;
  sizes.classifier = {2, 32, 4e-3, 1};
  sizes.conversion = {1, 32, 1e-3, 1};
  sizes.tuning = {1, 32, 1e-3, 1};
  sizes.seconds = 2.5;
  sizes.stream = 200;
  return sizes;
}

Recipe Sizes::recipe(uint64_t seed) const {
  Recipe recipe;
  recipe.branchy = classifier;
  recipe.conversion = conversion;
  recipe.tuning = tuning;
  recipe.branchy.seed = recipe.conversion.seed = recipe.tuning.seed = seed;
  recipe.lower_bar = true;
  return recipe;
}

Contest run_seed(const DataSet& data, const Sizes& sizes, const Matched& matched, uint64_t seed,
                 const Report& report) {
  return Seed(data, sizes, seed, report).run(matched);
}

void add_variants(Contest& contest, const DataSet& data, const Sizes& sizes, uint64_t seed,
                  const Report& report) {
  const search::Images& training = data.parts.training;
  const auto add = [&](const std::string& what, const Recipe& recipe) {
    const Built built = build_converted(contest.base, training, data.class_names, recipe, report);
    contest.methods.push_back(
        {"f(g(x)), " + what, logits_of(Converted(built.g, built.tuned), data.parts.test.images)});
  };
  Recipe recipe = sizes.recipe(seed);
  recipe.target.prototypes = 3;
  add("3 prototypes a class", recipe);
  recipe.target = {TargetRule::prototype, 1, true};
  add("prototype, easy images their own targets", recipe);
  recipe = sizes.recipe(seed);
  for (const int64_t code : {8, 64}) {
    recipe.converter.code = code;
    add(fmt::format("prototype, a code of {}", code), recipe);
  }
  recipe = sizes.recipe(seed);
  const ConversionPairs pairs(training, contest.base.seen, data.class_names, recipe.target);
  // Starts from what was trained, in copies of its own.
  Converter g = copy_of(contest.cbnet.g, recipe.converter);
  Converted joint(g, copy_of(contest.cbnet.untouched, recipe.lenet));
  Training how = recipe.tuning;
  how.rate *= 3;
  tune_jointly(joint, pairs, how, report);
  contest.methods.push_back(
      {"f(g(x)), prototype, tuned jointly", logits_of(joint, data.parts.test.images)});
}

at::Tensor mixed(const at::Tensor& first, const at::Tensor& rest, double tau) {
  return at::where((entropies(first) <= tau).unsqueeze(1), first, rest);
}

at::Tensor hits(const at::Tensor& logits, const at::Tensor& labels) {
  return (logits.argmax(1) == labels).to(at::kDouble);
}

std::vector<double> list(const at::Tensor& values) {
  const at::Tensor dense = values.contiguous();
  const double* data = dense.data_ptr<double>();
  return {data, data + dense.numel()};
}

system::Estimate difference_over_images(const at::Tensor& a, const at::Tensor& b) {
  const std::vector<double> first = list(a), second = list(b);
  const Interval interval = paired_interval(second, first, 0.95);
  system::Estimate found;
  found.value = points * (mean(first) - mean(second));
  found.interval = Interval{points * interval.low, points * interval.high};
  found.samples = static_cast<int64_t>(first.size());
  found.note = "one seed; the interval is over test images";
  return found;
}

system::Estimate speed_up(const system::Estimate& ratio, double points_above) {
  system::Estimate found = ratio;
  found.note = fmt::format("accuracy {:+.2f} points", points_above);
  if (points_above >= -similar) return found;
  found.value = 0;
  found.interval.reset();
  found.note += fmt::format("; {:.3g} x without regard to it", ratio.value);
  return found;
}

}  // namespace betimes::systems::cbnet
