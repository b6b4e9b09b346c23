#include "betimes/learn/classifier_training.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::learn {
namespace {

/// Dark images are class 0, bright ones class 1.
ImageDataset brightness(int64_t count) {
  const at::Tensor labels = at::arange(count).remainder(2);
  const at::Tensor noise = at::randint(0, 100, {count, 1, 6, 6}, at::kLong);
  return {(noise + 130 * labels.view({count, 1, 1, 1})).to(at::kByte), labels};
}

/// One small network with what has state: a kernel, a batch norm's statistics.
struct TinyImpl : torch::nn::Module {
  TinyImpl() {
    conv = register_module("conv", torch::nn::Conv2d(1, 4, 3));
    norm = register_module("norm", torch::nn::BatchNorm2d(4));
    head = register_module("head", torch::nn::Linear(4, 2));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return head->forward(torch::relu(norm->forward(conv->forward(x))).mean({2, 3}));
  }
  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Tiny);

class ClassifierTrainingTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(3);
    data_ = {brightness(256), brightness(64), brightness(64)};
    how_.epochs = 4;
    how_.batch = 16;
    how_.checkpoint = testing::TempDir() + "betimes_training_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name() +
                      ".safetensors";
    std::filesystem::remove(how_.checkpoint);
  }
  void TearDown() override { std::filesystem::remove(how_.checkpoint); }

  Tiny fresh() {
    torch::manual_seed(5);
    return Tiny();
  }
  std::vector<Epoch> train(const Tiny& model) {
    std::vector<Epoch> results;
    train_classifier(torch::nn::AnyModule(model), data_, how_,
                     [&](const Epoch& r) { results.push_back(r); });
    return results;
  }

  ImageSplits data_;
  ClassifierTraining how_;
};

TEST_F(ClassifierTrainingTest, LearnsAndReportsEachEpoch) {
  const Tiny model = fresh();
  const auto results = train(model);
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[3].number, 4);
  EXPECT_LT(results[3].loss, results[0].loss);
  EXPECT_LT(results[3].rate, 1e-2) << "the rate ends near zero";
  EXPECT_GT(accuracy(torch::nn::AnyModule(model), data_.test), 0.95);
}

TEST_F(ClassifierTrainingTest, AResumedRunEndsWhereAnUnbrokenOneDoes) {
  const Tiny unbroken = fresh();
  train(unbroken);

  const Tiny first = fresh();
  struct Killed {};
  EXPECT_THROW(train_classifier(torch::nn::AnyModule(first), data_, how_,
                                [](const Epoch& r) {
                                  if (r.number == 2) throw Killed();
                                }),
               Killed);
  torch::manual_seed(99);
  const Tiny second;  // other weights, which the checkpoint replaces
  how_.resume = true;
  const auto results = train(second);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].number, 3);
  EXPECT_TRUE(at::allclose(second->head->weight, unbroken->head->weight, 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(second->norm->running_var, unbroken->norm->running_var, 1e-4, 1e-5));
}

TEST_F(ClassifierTrainingTest, LoadsACheckpointAndRefusesADamagedOne) {
  const Tiny model = fresh();
  train(model);
  Tiny other;
  EXPECT_EQ(load_checkpoint(how_.checkpoint, *other), 4);
  EXPECT_TRUE(at::equal(other->head->weight, model->head->weight));

  write_file(how_.checkpoint.string(), "not a checkpoint");
  try {
    load_checkpoint(how_.checkpoint, *other);
    FAIL() << "accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(how_.checkpoint.filename().string()), std::string::npos);
    EXPECT_EQ(message.find('\n'), std::string::npos) << "one line";
  }
}

TEST_F(ClassifierTrainingTest, RefusesABatchLargerThanTheSet) {
  how_.batch = 1000;
  EXPECT_THROW(train(fresh()), Error);
}

TEST(Augment, WithoutRandomnessOnlyScales) {
  const at::Tensor images = at::randint(0, 256, {3, 2, 5, 4}, at::kLong).to(at::kByte);
  std::mt19937_64 random(1);
  const Augmentation none{.shift = 0, .flip = 0, .erase = 0};
  const at::Tensor chosen = at::tensor({2, 0}, at::kLong);
  const at::Tensor batch = augmented_batch(images, chosen, none, random);
  EXPECT_TRUE(at::allclose(batch, plain_batch(images).index_select(0, chosen)));
}

TEST(Augment, MirrorsAndShiftsWithinBlackBorders) {
  const at::Tensor image = at::full({1, 1, 4, 4}, 255, at::kByte);
  const at::Tensor chosen = at::zeros({1}, at::kLong);
  const Augmentation shifts{.shift = 2, .flip = 0.5, .erase = 0};
  std::mt19937_64 random(1);
  for (int i = 0; i < 50; ++i) {
    const at::Tensor moved = augmented_batch(image, chosen, shifts, random);
    const float white = moved.sum().item<float>();  // (4 - |dy|) * (4 - |dx|)
    EXPECT_TRUE(white == 16 || white == 12 || white == 9 || white == 8 || white == 6 || white == 4)
        << white;
  }
  const Augmentation mirror{.shift = 0, .flip = 1, .erase = 0};
  const at::Tensor ramp = at::arange(4).to(at::kByte).expand({1, 1, 4, 4}).contiguous();
  EXPECT_TRUE(
      at::allclose(augmented_batch(ramp, chosen, mirror, random), plain_batch(ramp).flip({3})));
}

TEST(Augment, ErasesAPatchThatStaysInside) {
  const at::Tensor image = at::zeros({1, 1, 6, 6}, at::kByte);
  std::mt19937_64 random(1);
  const Augmentation always{.shift = 0, .flip = 0, .erase = 1, .erase_least = 4, .erase_most = 10};
  for (int i = 0; i < 50; ++i) {
    const at::Tensor erased = augmented_batch(image, at::zeros({1}, at::kLong), always, random);
    EXPECT_GE(erased.gt(0).sum().item<int64_t>(), 12);
    EXPECT_LE(erased.max().item<float>(), 1.0f);
  }
}

TEST(FashionMnist, NamesTheFileThatIsMissing) {
  try {
    load_fashion_mnist(testing::TempDir() + "betimes_no_such_folder");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("train-images-idx3-ubyte.gz"), std::string::npos);
  }
}

}  // namespace
}  // namespace betimes::learn
