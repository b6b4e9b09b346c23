#include <gtest/gtest.h>
#include <torch/utils.h>

#include "betimes/base/error.h"
#include "betimes/base/temporary_folder.h"
#include "betimes/import/onnx.h"
#include "betimes/learn/augment.h"
#include "betimes/learn/image_dataset.h"
#include "betimes/learn/trace.h"
#include "systems/search/cbnet/served.h"
#include "systems/search/cbnet/train_converter.h"
#include "systems/search/cbnet/train_graphs.h"
#include "systems/search/cbnet/workload.h"

namespace betimes::systems::cbnet {
namespace {

const std::vector<std::string> two_names = {"left", "right"};

/// Bright squares on the left or on the right, under noise: two classes that anything learns.
search::Images squares(int64_t count, uint64_t seed) {
  torch::manual_seed(seed);
  search::Images found{0.4 * torch::rand({count, 1, 28, 28}),
                       torch::randint(0, 2, {count}, torch::kLong)};
  for (int64_t i = 0; i < count; ++i) {
    const int64_t x = found.labels[i].item<int64_t>() * 14 + 4;
    found.images[i].slice(1, 10, 18).slice(2, x, x + 8).fill_(0.9);
  }
  return found;
}

Recipe small_recipe() {
  Recipe recipe;
  recipe.branchy = {6, 32, 3e-3, 1};
  recipe.conversion = {6, 32, 1e-3, 1};
  recipe.tuning = {2, 32, 1e-3, 1};
  return recipe;
}

int64_t learned(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

double macs_of(const graph::Graph& graph) {
  double counted = 0;
  for (const runtime::StepInfo& step : runtime::compile(graph)->steps()) counted += step.macs;
  return counted;
}

std::span<const float> floats(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

void expect_near(std::span<const float> found, const at::Tensor& expected) {
  ASSERT_EQ(static_cast<int64_t>(found.size()), expected.numel());
  for (int64_t i = 0; i < expected.numel(); ++i) {
    EXPECT_NEAR(found[static_cast<size_t>(i)], expected.flatten()[i].item<float>(), 1e-4);
  }
}

TEST(Nets, HaveTheSizesOfTheTable) {
  const LenetWidths widths;
  EXPECT_EQ(learned(*Front(widths)), 25 * 5 + 5 + 45 * 10 + 10 + 250 * 10 + 10);
  EXPECT_EQ(learned(*Converter(ConverterWidths{})),
            converter_macs({}) + 256 + 128 + 32 + 784);  // one multiply-add a weight, and biases
  EXPECT_EQ(learned(*Plain(PlainWidths{})), plain_macs({}) + 256 + 128 + 10);
  EXPECT_THROW(Front(LenetWidths{0, 10, 10, 20, 84}), Error);
}

TEST(Nets, MultiplyAsOftenAsWasCounted) {
  torch::manual_seed(1);
  for (const bool mirrored : {false, true}) {
    const ConverterWidths widths{256, 128, 32, mirrored};
    Converted net{Converter(widths), Front(LenetWidths{})};
    const auto expected = static_cast<double>(converter_macs(widths) + front_macs({}));
    EXPECT_NEAR(macs_of(served_graph(net)), expected, 0.02 * expected);
  }
  Lenet lenet{LenetWidths{}};
  const auto expected = static_cast<double>(conv1_macs({}) + trunk_macs({}));
  EXPECT_NEAR(macs_of(served_graph(lenet)), expected, 0.02 * expected);
}

TEST(Entropies, AreThoseOfTheServedRule) {
  torch::manual_seed(2);
  const at::Tensor logits = 4 * torch::randn({50, 10});
  const at::Tensor found = entropies(logits);
  for (int64_t i = 0; i < 50; ++i) {
    EXPECT_NEAR(found[i].item<double>(), entropy(floats(logits[i].contiguous())), 1e-10);
  }
}

TEST(EasyImages, AreTakenAndRight) {
  const at::Tensor logits = torch::tensor({{9.0F, 0.0F}, {9.0F, 0.0F}, {0.1F, 0.0F}});
  const at::Tensor labels = torch::tensor({0, 1, 0}, torch::kLong);
  const at::Tensor easy = easy_images(logits, labels, 0.3);  // sure, sure but wrong, unsure
  EXPECT_TRUE(easy.equal(torch::tensor({true, false, false})));
}

TEST(Served, GivesWhatTheModulesGive) {
  torch::manual_seed(3);
  const torch::NoGradGuard no_gradient;
  Converted net{Converter(ConverterWidths{}), Front(LenetWidths{})};
  Branchy branchy{LenetWidths{}};
  Plain plain{PlainWidths{}};
  Whole served(served_graph(net)), served_plain(served_graph(plain));
  const BranchyGraphs graphs = branchy_graphs(branchy);
  WithExit never(graphs.first, graphs.rest, -1), always(graphs.first, graphs.rest, 3);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor image = torch::rand({1, 1, 28, 28});
    expect_near(served.run(floats(image)), net->forward(image));
    expect_near(served_plain.run(floats(image)), plain->forward(image));
    expect_near(never.run(floats(image)), branchy->forward(image));
    EXPECT_FALSE(never.exited());
    expect_near(always.run(floats(image)), branchy->front->forward(image));
    EXPECT_TRUE(always.exited());
  }
  EXPECT_GT(never.memory_bytes(), size_t{1000});
  const at::Tensor small = torch::rand({10});
  EXPECT_THROW(served.run(floats(small)), Error);
}

TEST(Served, TheControllerGoesOnFromTheImage) {
  torch::manual_seed(4);
  const torch::NoGradGuard no_gradient;
  Front front{LenetWidths{}};
  Plain plain{PlainWidths{}};
  WithExit controller(served_graph(front), served_graph(plain), -1);
  const at::Tensor image = torch::rand({1, 1, 28, 28});
  expect_near(controller.run(floats(image)), plain->forward(image));
  const BranchyGraphs graphs = [] {
    Branchy branchy{LenetWidths{}};
    return branchy_graphs(branchy);
  }();
  // The trunk starts from maps, which f alone doesn't give.
  EXPECT_THROW(WithExit(served_graph(front), graphs.rest, 0.3), Error);
}

TEST(Pruning, KeepsTheStrongestChannels) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_gradient;
  const LenetWidths widths;
  Lenet whole(widths);
  Lenet same = pruned(whole, widths);
  const at::Tensor image = torch::rand({2, 1, 28, 28});
  EXPECT_TRUE(same->forward(image).allclose(whole->forward(image), 1e-4, 1e-5));
  // Channels that are off for good are the ones to go, and nobody notices.
  auto parameters = whole->named_parameters();
  for (const char* layer : {"conv1", "trunk.conv2", "trunk.conv3", "trunk.hidden"}) {
    parameters[std::string(layer) + ".weight"][1].zero_();
    parameters[std::string(layer) + ".bias"][1] = -1;
  }
  Lenet small = pruned(whole, {4, 1, 9, 19, 83});
  EXPECT_TRUE(small->forward(image).allclose(whole->forward(image), 1e-4, 1e-5));
  EXPECT_THROW(pruned(whole, {6, 10, 10, 20, 84}), Error);
}

TEST(Pipeline, TurnsNoisyImagesIntoEasyOnes) {
  const search::Images training = squares(320, 1), held_out = squares(60, 2), test = squares(80, 3);
  const Recipe recipe = small_recipe();
  Base base = build_base(training, held_out, two_names, recipe, {});
  EXPECT_GT(base.tau, 0);
  Built built = build_converted(base, training, two_names, recipe, {});
  Converted net(built.g, built.tuned);
  const auto converted = [&](const at::Tensor& x) { return net->forward(x); };
  const at::Tensor right = apply_all(converted, test.images).argmax(1) == test.labels;
  EXPECT_GT(right.to(at::kDouble).mean().item<double>(), 0.9);
  // Tuning f leaves BranchyNet's own first exit as it was.
  EXPECT_TRUE(built.untouched->forward(test.images).equal(base.net->front->forward(test.images)));
  EXPECT_FALSE(built.tuned->forward(test.images).equal(base.net->front->forward(test.images)));
}

// The test images' labels can't enter: nothing that is trained or chosen sees them, and what is
// trained depends on the training and held-out images alone.
TEST(Pipeline, HangsOnTrainingAndHeldOutImagesOnly) {
  const search::Images training = squares(160, 1), held_out = squares(40, 2);
  search::Images test = squares(40, 3);
  Recipe recipe = small_recipe();
  recipe.conversion.epochs = 2;
  recipe.lower_bar = true;
  std::vector<at::Tensor> answers;
  for (int run = 0; run < 2; ++run) {
    const Base base = build_base(training, held_out, two_names, recipe, {});
    Built built = build_converted(base, training, two_names, recipe, {});
    Converted net(built.g, built.tuned);
    answers.push_back(apply_all([&](const at::Tensor& x) { return net->forward(x); }, test.images));
    test.labels = 1 - test.labels;
    torch::manual_seed(99);  // what else has been drawn meanwhile doesn't matter
  }
  EXPECT_TRUE(answers[0].equal(answers[1]));
}

TEST(Pipeline, RefusesAClassWithoutEasyImages) {
  search::Images training = squares(160, 1);
  training.labels.zero_();  // nobody is on the right
  Recipe recipe = small_recipe();
  recipe.branchy.epochs = 1;
  for (const bool lower : {false, true}) {
    recipe.lower_bar = lower;
    try {
      build_base(training, squares(40, 2), two_names, recipe, {});
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("right"), std::string::npos) << error.what();
    }
  }
}

/// Share of the images on which these logits are right.
double share_right(const at::Tensor& logits, const search::Images& images) {
  return (logits.argmax(1) == images.labels).to(at::kDouble).mean().item<double>();
}

TEST(Workload, ServesWhatTrainingWrites) {
  torch::manual_seed(6);
  const TemporaryFolder temporary;
  const std::string folder = temporary.path().string();
  system::OpenOptions options;
  options.places.weights = folder;
  EXPECT_THROW(open_cbnet(options), Error);
  // The first half of the test images, in the file's order, is what the workload validates by.
  const learn::ImageDataset test = learn::load_fashion_mnist(search::fashion_folder).test;
  const search::Images images{learn::plain_batch(test.images.slice(0, 0, 5'000)),
                              test.labels.slice(0, 0, 5'000)};
  Front front{LenetWidths{}};
  import::write_onnx(served_graph(front), exit_file(folder));
  at::Tensor converted;  // what the standard setting's file says
  for (const int64_t code : code_widths()) {
    Converted net{Converter(ConverterWidths{256, 128, code, false}), Front(LenetWidths{})};
    import::write_onnx(served_graph(net), converted_file(folder, code));
    if (code != 32) continue;
    converted = apply_all([&](const at::Tensor& x) { return net->forward(x); }, images.images);
  }
  const auto workload = open_cbnet(options);
  const fit::KnobSpace& space = workload->knobs();
  workload->run();
  EXPECT_NEAR(workload->quality(fit::Part::validation).value, share_right(converted, images), 2e-3);
  const size_t whole = workload->memory_bytes();
  workload->apply(space.parse({"precision_g=int8"}));
  EXPECT_LT(workload->memory_bytes(), whole / 2);  // the converter's weights are most of it

  const at::Tensor first =
      apply_all([&](const at::Tensor& x) { return front->forward(x); }, images.images);
  workload->apply(space.parse({"converter=hard", "tau=2"}));
  const at::Tensor taken = (entropies(first) <= 2).unsqueeze(1);
  EXPECT_NEAR(workload->quality(fit::Part::validation).value,
              share_right(at::where(taken, first, converted), images), 2e-3);
  EXPECT_THROW(workload->apply({{"code", int64_t{12}}}), Error);
}

}  // namespace
}  // namespace betimes::systems::cbnet
