// Real models that carry state from one call to the next, beside what another runtime (ONNX Runtime
// 1.30, unoptimised) gave over a whole recording.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "betimes/base/file.h"
#include "betimes/import/onnx.h"
#include "betimes/import/safetensors.h"
#include "betimes/import/testing/graphs.h"
#include "betimes/runtime/stream_predictor.h"

namespace betimes {
namespace {

namespace fs = std::filesystem;
using runtime::StreamPredictor;

fs::path shared() { return import::samples::shared_folder(); }
fs::path model(const std::string& name) { return shared() / "models" / "onnx" / name; }

/// A 16-bit mono recording as fractions of 32768.
std::vector<float> read_wav(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path.string());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t data = text.find("data") + 8;
  std::vector<int16_t> samples((bytes.size() - data) / 2);
  std::memcpy(samples.data(), bytes.data() + data, samples.size() * 2);
  std::vector<float> values;
  for (const int16_t sample : samples) values.push_back(static_cast<float>(sample) / 32768.0f);
  return values;
}

/// The third column of a table with a heading.
std::vector<float> read_probabilities(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::vector<float> values;
  while (std::getline(file, line)) values.push_back(std::stof(line.substr(line.rfind(',') + 1)));
  return values;
}

class VoiceActivity : public testing::TestWithParam<const char*> {};

TEST_P(VoiceActivity, AgreesOverAWholeRecording) {
  const fs::path path = model(std::string(GetParam()) + ".onnx");
  const fs::path recording = shared() / "data" / "speech-clips" / "jfk.wav";
  if (!fs::exists(path) || !fs::exists(recording)) GTEST_SKIP() << path << " isn't there";
  runtime::CompileOptions options;
  options.shapes = {{"input", {1, 576}}, {"state", {2, 1, 128}}};
  options.values = {{"sr", Tensor::scalar(int64_t{16000})}};
  StreamPredictor stream(import::read_onnx(path.string()), options);
  ASSERT_EQ(stream.states().size(), 1u);
  EXPECT_EQ(stream.states()[0].input, "state");
  const std::vector<float> samples = read_wav(recording);
  const auto expected = read_probabilities(model(std::string(GetParam()) + ".jfk_expected.csv"));
  ASSERT_GT(expected.size(), 100u);
  std::vector<float> frame(576, 0.0f);  // 64 samples of the chunk before, and 512
  double worst = 0;
  for (size_t chunk = 0; chunk < expected.size(); ++chunk) {
    std::copy(frame.end() - 64, frame.end(), frame.begin());
    for (size_t i = 0; i < 512; ++i) {
      const size_t at = chunk * 512 + i;
      frame[64 + i] = at < samples.size() ? samples[at] : 0.0f;
    }
    const auto outputs = stream.push({{"input", Tensor::from<float>({1, 576}, frame)}});
    ASSERT_EQ(outputs.size(), 1u);
    const float found = outputs.begin()->second.data<float>()[0];
    worst = std::max(worst, std::fabs(double{found} - expected[chunk]));
  }
  EXPECT_LE(worst, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Silero, VoiceActivity,
                         testing::Values("silero_vad_16k_op15", "silero_vad_op18_ifless"),
                         [](const auto& each) { return std::string(each.param); });

void expect_row(const Tensor& found, const Tensor& expected, size_t row) {
  const auto a = found.data<float>();
  const auto all = expected.data<float>();
  ASSERT_GE(all.size(), (row + 1) * a.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], all[row * a.size() + i], 2e-5) << i;
}

TEST(NoiseSuppression, MaskAndStateAgreeOverTenSteps) {
  if (!fs::exists(model("dtln_1.onnx"))) GTEST_SKIP() << model("dtln_1.onnx") << " isn't there";
  const auto expected = import::read_safetensors(model("dtln_1.expected.safetensors").string());
  StreamPredictor stream(import::read_onnx(model("dtln_1.onnx").string()));
  ASSERT_EQ(stream.states().size(), 1u);
  for (size_t step = 0; step < 10; ++step) {
    Tensor magnitude(DType::f32, {1, 1, 257});
    uint32_t i = 0;
    for (float& x : magnitude.mutable_data<float>()) {
      const uint32_t u = ((i++ * 1103515245u + 12345u) >> 16) & 255u;
      x = static_cast<float>(u / 255.0 * static_cast<double>(1 + step % 3));
    }
    const auto outputs = stream.push({{stream.session().plan().inputs()[0].name, magnitude}});
    expect_row(outputs.begin()->second, expected.at("mask"), step);
  }
}

TEST(NoiseSuppression, FramesAgreeOverTenSteps) {
  const fs::path recording = shared() / "data" / "speech-clips" / "jfk.wav";
  if (!fs::exists(model("dtln_2.onnx")) || !fs::exists(recording)) {
    GTEST_SKIP() << model("dtln_2.onnx") << " isn't there";
  }
  const auto expected = import::read_safetensors(model("dtln_2.expected.safetensors").string());
  const std::vector<float> samples = read_wav(recording);
  StreamPredictor stream(import::read_onnx(model("dtln_2.onnx").string()));
  for (size_t step = 0; step < 10; ++step) {
    const auto first = samples.begin() + static_cast<std::ptrdiff_t>(4000 + 512 * step);
    const Tensor frame = Tensor::from<float>({1, 1, 512}, std::vector<float>(first, first + 512));
    const auto outputs = stream.push({{stream.session().plan().inputs()[0].name, frame}});
    expect_row(outputs.begin()->second, expected.at("frames"), step);
  }
}

}  // namespace
}  // namespace betimes
