// bench_onnxruntime: Betimes and ONNX Runtime on the same models, inputs and CPUs, turn by turn.
// bench/against-onnxruntime.sh installs the peer and starts this.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "bench/compare/environment.h"
#include "bench/compare/made_models.h"
#include "bench/compare/table.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::bench {
namespace {

struct Options {
  std::string packages;
  std::string list = BETIMES_SOURCE_DIR "/bench/models.json";
  std::string only;
  std::string made;
  std::vector<int> threads = {1, 2};
  std::vector<std::string> precisions = {"fp32", "int8"};
  Effort effort;
  std::string write;
  std::string json;
};

std::string shared_folder() {
  const char* given = std::getenv("BETIMES_SHARED");
  return given ? given : BETIMES_SOURCE_DIR "/../shared";
}

/// A folder of our own that goes away with this object.
class Scratch {
 public:
  Scratch() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "betimes-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error(pattern, "can't be made");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The file that holds `model` in `precision`, written into `scratch` where it must be made.
std::string file_for(const Model& model, const std::string& precision, const std::string& scratch) {
  if (precision == "fp32") return model.file;
  std::string path = scratch + "/int8.onnx";
  write_int8(model, path);
  return path;
}

void compare_model(const Model& model, const Options& options, const std::string& scratch,
                   Outcome& outcome) {
  for (const std::string& precision : options.precisions) {
    try {
      const std::string file = file_for(model, precision, scratch);
      for (const int threads : options.threads) {
        Peer peer(BETIMES_SOURCE_DIR "/bench/peers/ort.js", options.packages);
        outcome.comparisons.push_back(
            compare(model, file, precision, threads, peer, scratch, options.effort));
        outcome.peer_version = peer.version();
        const Comparison& c = outcome.comparisons.back();
        fmt::print(stderr, "{} {} {}t: {:.3f} ms, peer {:.3f} ms, ratio {:.2f} ({:.2f}-{:.2f})\n",
                   c.model, c.precision, c.threads, c.ours.p50_ms, c.theirs.p50_ms, c.ratio,
                   c.interval.low, c.interval.high);
      }
    } catch (const Error& error) {
      outcome.left_out.push_back(fmt::format("{} {}: {}", model.name, precision, error.what()));
      fmt::print(stderr, "{}\n", outcome.left_out.back());
    }
  }
}

int run(const Options& options) {
  if (!options.made.empty()) {
    std::filesystem::create_directories(options.made);
    write_made_models(options.made);
    return 0;
  }
  if (options.packages.empty()) {
    throw Error("--packages", "is missing", "the node_modules folder with onnxruntime-node");
  }
  own_cpus();  // before anything is pinned
  Outcome outcome;
  outcome.seed = options.effort.seed;
  const Scratch scratch;
  const Roots roots = {{"repository", BETIMES_SOURCE_DIR},
                       {"shared", shared_folder()},
                       {"packages", options.packages},
                       {"made", scratch.path()}};
  write_made_models(scratch.path());
  outcome.environment = environment();  // with the load before the run
  for (const Model& model : read_models(options.list, roots)) {
    if (model.name.find(options.only) == std::string::npos) continue;
    if (std::filesystem::exists(model.file)) {
      compare_model(model, options, scratch.path(), outcome);
    } else {
      outcome.left_out.push_back(model.name + ": the file isn't here");
    }
  }
  if (!options.write.empty())
    write_between(options.write, "against-onnxruntime", markdown(outcome));
  if (!options.json.empty()) write_file(options.json, json(outcome));
  fmt::print("{}", markdown(outcome));
  return 0;
}

}  // namespace
}  // namespace betimes::bench

int main(int argc, char** argv) {
  betimes::bench::Options options;
  CLI::App app("Betimes beside ONNX Runtime: same models, inputs and CPUs, turn by turn");
  app.add_option("--packages", options.packages, "The node_modules folder with onnxruntime-node");
  app.add_option("--made", options.made,
                 "Only write the models that are made here into this folder");
  app.add_option("--list", options.list, "The models, as bench/models.json");
  app.add_option("--only", options.only, "Only models whose name has this in it");
  app.add_option("--threads", options.threads, "Numbers of threads, 1,2 when not given")
      ->delimiter(',');
  app.add_option("--precisions", options.precisions, "fp32,int8 when not given")->delimiter(',');
  app.add_option("--rounds", options.effort.rounds, "Rounds of one turn a side")
      ->check(CLI::Range(2, 10000));
  app.add_option("--turn-ms", options.effort.turn_ms, "Milliseconds a turn should take");
  app.add_option("--seed", options.effort.seed, "Of the order of turns and the intervals");
  app.add_option("--write", options.write, "Put the tables into this Markdown file");
  app.add_option("--json", options.json, "Write everything as JSON to this file");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return betimes::bench::run(options);
  } catch (const betimes::Error& error) {
    fmt::print(stderr, "bench_onnxruntime: {}\n", error.what());
    return 2;
  }
}
