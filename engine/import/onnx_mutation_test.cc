// Damaged copies of real models: reading one gives an Error or a graph, nothing else.
#include <gtest/gtest.h>

#include <random>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/graph/specialize.h"
#include "betimes/import/onnx.h"
#include "betimes/import/testing/graphs.h"

namespace betimes::import {
namespace {

using Bytes = std::vector<std::byte>;

/// Most damage is done where structure is: the first and last kilobytes, not the weights.
void flip_some(Bytes& bytes, std::mt19937& random) {
  const int flips = 1 + static_cast<int>(random() % 8);
  for (int i = 0; i < flips; ++i) {
    const size_t window = std::min<size_t>(bytes.size(), 8192);
    const size_t at = random() % window;
    const bool from_end = random() % 2 == 0;
    bytes[from_end ? bytes.size() - 1 - at : at] = static_cast<std::byte>(random() & 0xff);
  }
}

void read_damaged(const Bytes& bytes) {
  try {
    graph::specialize(parse_onnx(bytes, "damaged"), {}, {.fold_limit = 4096});
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()), "");
  }
}

TEST(OnnxMutation, DamagedModelsGiveAnError) {
  const auto models = samples::models_below(samples::shared_folder() / "models" / "onnx");
  if (models.empty()) GTEST_SKIP() << "no models at " << samples::shared_folder();
  std::mt19937 random(20);
  for (const auto& path : models) {
    const Bytes whole = read_file(path.string());
    const int rounds = whole.size() < 100'000 ? 400 : 20;
    for (int round = 0; round < rounds; ++round) {
      Bytes damaged = whole;
      flip_some(damaged, random);
      if (round % 4 == 0) damaged.resize(random() % damaged.size());
      read_damaged(damaged);
    }
  }
}

TEST(OnnxMutation, EveryPrefixOfASmallModelGivesAnError) {
  const auto path = samples::shared_folder() / "models" / "onnx" / "mnist.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model at " << path;
  const Bytes whole = read_file(path.string());
  for (size_t length = 0; length < whole.size(); length += 1 + length / 64) {
    EXPECT_THROW(parse_onnx(std::span(whole).first(length), "prefix"), Error) << length;
  }
}

}  // namespace
}  // namespace betimes::import
