#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "betimes/graph/graph.h"
#include "betimes/system/study.h"
#include "systems/search/cbnet/train_converter.h"
#include "systems/search/cbnet/train_data.h"

namespace betimes::systems::cbnet {

inline constexpr double points = 100;   // of accuracy
inline constexpr double similar = 0.5;  // points: "similar or higher accuracy"
inline constexpr double microseconds = 1e3;

// The methods by the names that tables have.
inline constexpr const char* lenet_name = "LeNet";
inline constexpr const char* branchy_name = "BranchyNet";
inline constexpr const char* raw_name = "f(x): exit 1 of BranchyNet";
inline constexpr const char* cbnet_name = "f(g(x)), prototype, f tuned";
inline constexpr const char* controller_name = "f(x) if sure, else f(g(x))";
inline constexpr const char* plain_name = "plain network, equal latency";
inline constexpr const char* pruned_name = "LeNet, pruned";

/// "f(g(x)), nearest, f tuned".
std::string converted_name(TargetRule rule, bool tuned);

struct Sizes {
  int64_t training = 55'000, held_out = 5'000, test = 10'000;
  Training classifier{7, 128, 2e-3, 1};  // BranchyNet and all that learn from raw images
  Training conversion{10, 128, 1e-3, 1};
  Training tuning{3, 128, 1e-4, 1};
  double seconds = 12;  // of measuring, a seed
  int64_t stream = 1'000;
  static Sizes of(bool quick);
  Recipe recipe(uint64_t seed) const;
};

/// Rivals whose sizes follow from what f(g(x)) takes on this machine.
struct Matched {
  PlainWidths plain;
  double kept = 1;  // share of LeNet's channels
};
Matched match_latency(system::Study& study);

/// What a method says of the test images.
struct Method {
  std::string name;
  at::Tensor logits;  // [N, 10]
};

/// What one seed trained, with the test images' labels of difficulty.
struct Contest {
  Base base;
  Built cbnet;
  Lenet lenet{nullptr}, small{nullptr};
  Plain plain{nullptr};
  std::vector<Method> methods;
  at::Tensor hard;       // bool [N]: exit 1 not taken, or wrong
  at::Tensor not_taken;  // bool [N]: exit 1 not taken
};
Contest run_seed(const DataSet& data, const Sizes& sizes, const Matched& matched, uint64_t seed,
                 const Report& report);
/// Other ways to build the converter, with one seed.
void add_variants(Contest& contest, const DataSet& data, const Sizes& sizes, uint64_t seed,
                  const Report& report);

/// BranchyNet's answers with tau: [N, 10].
at::Tensor mixed(const at::Tensor& first, const at::Tensor& rest, double tau);
/// 1 for each image that the logits name right, else 0: f64 [N].
at::Tensor hits(const at::Tensor& logits, const at::Tensor& labels);
std::vector<double> list(const at::Tensor& values);
/// Mean of a - b over images in points, with its interval.
system::Estimate difference_over_images(const at::Tensor& a, const at::Tensor& b);
/// That ratio of latencies, or 0 where the method's accuracy lies too far below the rival's.
system::Estimate speed_up(const system::Estimate& ratio, double points_above);

/// Something that answers one image after the other in the project's runtime.
struct Contestant {
  std::string name;
  std::function<void(std::span<const float> image)> run;
};
struct Pace {
  double mean = 0, p50 = 0, p99 = 0;  // microseconds; the mean without interrupted runs
};
/// Contestants on streams of images (row numbers), one thread, in turns.
using Run = std::pair<const Contestant*, const std::vector<int64_t>*>;
std::vector<Pace> time_runs(const std::vector<Run>& runs, const at::Tensor& images, double seconds,
                            uint64_t seed);
/// The same for networks of any weights on any images, which change no time.
std::vector<Pace> time_graphs(const std::vector<graph::Graph>& graphs, double seconds,
                              uint64_t seed);
std::vector<Contestant> contestants(Contest& contest);
/// Row numbers of `length` images drawn with that share of hard ones. Throws Error where one kind
/// is missing.
std::vector<int64_t> stream(const at::Tensor& hard, double share, int64_t length, uint64_t seed);

/// Latencies of one seed: of the test images as they come ("mean us", "p50 us", ...), and by share
/// of hard inputs ("0 %", "20 %", ...).
struct Latencies {
  system::Scores natural, streams, ratios;  // ratios: of 100 % over 0 % ("flat")
};
const std::vector<double>& hard_shares();
std::string share_name(double share);
void time_seed(system::Study& study, const DataSet& data, Contest& contest, const Sizes& sizes,
               uint64_t seed, Latencies& latencies);

void compare_wide(system::Study& study, const DataSet& data);
void compare_photographs(system::Study& study);

}  // namespace betimes::systems::cbnet
