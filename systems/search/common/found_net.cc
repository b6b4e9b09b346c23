#include "systems/search/common/found_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "betimes/base/error.h"
#include "betimes/import/idx.h"
#include "betimes/import/onnx.h"
#include "betimes/judge/metric.h"
#include "betimes/runtime/session.h"

namespace betimes::systems::search {
namespace {

constexpr const char* test_files = "/usr/share/datasets/fashion-mnist/t10k-";
constexpr int64_t side = 28, classes = 10, scored_at_once = 50;

struct TestImages {
  std::vector<float> pixels;  // [N, side, side]
  std::vector<int64_t> labels;
  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

TestImages read_test_images() {
  const std::string prefix = test_files;
  const Tensor images = import::read_idx(prefix + "images-idx3-ubyte.gz");
  const Tensor labels = import::read_idx(prefix + "labels-idx1-ubyte.gz");
  const bool good = images.dtype() == DType::u8 && images.shape().size() == 3 &&
                    labels.dtype() == DType::u8 && labels.shape() == Shape{images.shape()[0]} &&
                    images.shape()[1] == side && images.shape()[2] == side &&
                    images.shape()[0] >= 2 * scored_at_once;
  if (!good) throw Error(prefix + "*", "aren't Fashion-MNIST's test images");
  TestImages found;
  for (const uint8_t pixel : images.data<uint8_t>()) {
    found.pixels.push_back(static_cast<float>(pixel) / 255.0f);
  }
  for (const uint8_t label : labels.data<uint8_t>()) found.labels.push_back(label);
  return found;
}

class FoundNetWorkload : public fit::Workload {
 public:
  FoundNetWorkload(std::string slug, const system::OpenOptions& options)
      : slug_(std::move(slug)),
        folder_(options.places.weights),
        threads_(options.threads),
        knobs_(found_net_knobs()),
        data_(read_test_images()) {
    apply(knobs_.standard());
  }

  const fit::KnobSpace& knobs() const override { return knobs_; }

  void apply(const fit::Setting& setting) override {
    knobs_.check(setting);
    const std::string path = found_net_file(folder_, slug_, std::get<double>(setting.at("width")),
                                            std::get<int64_t>(setting.at("resolution")));
    if (!std::filesystem::exists(path)) {
      throw Error(path, "isn't there", "betimes train " + slug_ + ", which writes it");
    }
    graph_ = import::read_onnx(path);
    one_.emplace(open(1));
  }

  void run() override {
    next_ = (next_ + 1) % data_.size();
    place(next_, 1, *one_);
    one_->run();
  }

  judge::Quality quality(fit::Part part) override {
    const int64_t half = data_.size() / 2 / scored_at_once * scored_at_once;
    const int64_t first = part == fit::Part::validation ? 0 : half;
    runtime::Session session = open(scored_at_once);
    const auto metric = judge::make_metric("top1");
    std::vector<double> scores;
    for (int64_t i = first; i < first + half; i += scored_at_once) {
      place(i, scored_at_once, session);
      session.run();
      const float* logits = session.outputs()[0].as<float>();
      for (int64_t j = 0; j < scored_at_once; ++j) {
        const std::span<const float> row(logits + j * classes, classes);
        scores.push_back(metric->score(row, row, data_.labels[static_cast<size_t>(i + j)]));
      }
    }
    return judge::summarize(scores);
  }

  size_t memory_bytes() const override {
    const runtime::PlanMemory& memory = one_->plan().memory();
    return memory.weights + memory.arena + memory.inputs_outputs;
  }

 private:
  runtime::Session open(int64_t batch) const {
    runtime::CompileOptions options;
    options.shapes = {{"image", {batch, 1, side, side}}};
    options.threads = threads_;
    runtime::Session session(runtime::compile(graph_, options));
    if (session.inputs()[0].type != TensorType{DType::f32, {batch, 1, side, side}} ||
        session.outputs()[0].type != TensorType{DType::f32, {batch, classes}}) {
      throw Error(slug_, "has a file with other inputs or outputs", "images and ten logits");
    }
    return session;
  }

  void place(int64_t first, int64_t count, runtime::Session& session) const {
    const float* from = data_.pixels.data() + first * side * side;
    std::copy(from, from + count * side * side, session.inputs()[0].as<float>());
  }

  std::string slug_, folder_;
  int threads_;
  fit::KnobSpace knobs_;
  TestImages data_;
  graph::Graph graph_;
  std::optional<runtime::Session> one_;
  int64_t next_ = 0;
};

}  // namespace

const std::vector<double>& served_widths() {
  static const std::vector<double> widths = {0.5, 0.75, 1.0};
  return widths;
}

const std::vector<int64_t>& served_resolutions() {
  static const std::vector<int64_t> resolutions = {20, 28};
  return resolutions;
}

fit::KnobSpace found_net_knobs() {
  fit::Categories widths, resolutions;
  for (const double width : served_widths()) widths.values.emplace_back(width);
  for (const int64_t resolution : served_resolutions()) resolutions.values.emplace_back(resolution);
  fit::KnobSpace space;
  space.add({"width", widths, 1.0, "channels of the found network; work grows with their square"});
  space.add({"resolution", resolutions, int64_t{28},
             "pixels a side that the network sees; work grows with their square"});
  return space;
}

std::string found_net_file(const std::string& folder, const std::string& slug, double width,
                           int64_t resolution) {
  return fmt::format("{}/{}-w{:03}-r{}.onnx", folder, slug,
                     static_cast<int>(std::lround(width * 100)), resolution);
}

std::unique_ptr<fit::Workload> open_found_net(const std::string& slug,
                                              const system::OpenOptions& options) {
  return std::make_unique<FoundNetWorkload>(slug, options);
}

}  // namespace betimes::systems::search
