// bench_cost: what cost models are made of and judged by. `collect` measures a device, `train`
// learns kernels from what was collected, `evaluate` leaves models and devices out.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/compare/environment.h"
#include "bench/cost/collect.h"
#include "bench/cost/evaluate.h"
#include "bench/cost/moments.h"
#include "bench/cost/published.h"
#include "betimes/base/cpu.h"
#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::bench {
namespace {

void run_collect(const CollectOptions& options, const std::string& isa, bool peer,
                 const std::string& out) {
  if (!isa.empty()) {
    const std::optional<Isa> level = parse_isa(isa);
    if (!level) throw Error("--isa", fmt::format("is '{}'", isa), "sse41, avx2, avx512, ...");
    cap_isa(*level);
  }
  const Samples samples = peer ? collect_peer(options) : collect(options);
  write_samples(samples, out);
  fmt::print("{}: {} networks, written to {}\n", samples.device.name, samples.nets.size(), out);
}

/// To learn from.
std::vector<Samples> read_all(const std::vector<std::string>& files, const TrainOptions& options) {
  std::vector<Samples> all;
  for (const std::string& file : files) {
    all.push_back(read_samples(file));
    take_off_bad_moments(all.back(), options);
  }
  return all;
}

void write_to(const std::string& path, const std::string& text) {
  if (!path.empty()) write_file(path, text);
}

}  // namespace
}  // namespace betimes::bench

int main(int argc, char** argv) {
  using namespace betimes::bench;
  using betimes::write_file;
  CLI::App app("What cost models are made of and judged by");
  app.require_subcommand(1);

  CollectOptions collecting;
  collecting.list = BETIMES_SOURCE_DIR "/bench/models.json";
  std::string isa;
  std::string out;
  bool peer = false;
  CLI::App* const collect_command = app.add_subcommand("collect", "Measure this machine");
  collect_command->add_option("--out", out, "The file of samples to write")->required();
  collect_command->add_option("--name", collecting.name, "What the device is called");
  collect_command->add_option("--list", collecting.list, "The real models, as bench/models.json");
  collect_command->add_option("--packages", collecting.packages,
                              "The node_modules folder with the models of npm packages");
  collect_command->add_option("--isa", isa, "Cap the instruction set");
  collect_command->add_option("--threads", collecting.threads, "Threads to run with");
  collect_command->add_option("--made", collecting.made, "How many made networks");
  collect_command->add_option("--made-seconds", collecting.made_seconds, "For each of these");
  collect_command->add_option("--real-seconds", collecting.real_seconds, "For each real one");
  collect_command->add_option("--probe-seconds", collecting.probe_seconds, "For the profile");
  collect_command->add_flag("--peer", peer, "Measure ONNX Runtime instead");
  collect_command->callback([&] { run_collect(collecting, isa, peer, out); });

  std::string sample;
  std::string device_file;
  CLI::App* const device_command =
      app.add_subcommand("device", "Write the profile that is in a file of samples");
  device_command->add_option("samples", sample, "The file")->required();
  device_command->add_option("--out", device_file, "The device file to write")->required();
  device_command->callback(
      [&] { betimes::cost::write_device(read_samples(sample).device, device_file); });

  std::string folder;
  std::string out_folder;
  std::string published_page;
  int64_t count = 500;
  uint64_t seed = 1;
  CLI::App* const published_command = app.add_subcommand(
      "published", "Devices with published latencies of NAS-Bench-201's networks");
  published_command->add_option("folder", folder, "With nasbench201_latency.csv.gz")->required();
  published_command->add_option("--out", out_folder, "Write device files into this folder");
  published_command->add_option("--count", count, "Architectures to predict");
  published_command->add_option("--seed", seed, "Of which");
  published_command->add_option("--write", published_page, "Put the table into this file");
  published_command->callback([&] {
    if (!out_folder.empty()) {
      for (const PublishedDevice& each : read_published(folder)) {
        betimes::cost::write_device(each.device,
                                    fmt::format("{}/{}.device", out_folder, each.device.name));
      }
      return;
    }
    const std::string text = evaluate_published(folder, count, seed);
    if (!published_page.empty()) write_between(published_page, "published", text);
    fmt::print("{}", text);
  });

  std::vector<std::string> files;
  TrainOptions training;
  CLI::App* const train_command =
      app.add_subcommand("train", "Learn kernels from samples of devices");
  CLI::App* const evaluate_command =
      app.add_subcommand("evaluate", "Leave models and devices out, in turns");
  for (CLI::App* const command : {train_command, evaluate_command}) {
    command->add_option("samples", files, "Files of samples")->required();
    command->add_option("--rounds", training.rounds, "Trees");
    command->add_option("--depth", training.depth, "Of each tree");
    command->add_option("--rate", training.rate, "Learning rate");
    command->add_option("--threads", training.threads, "Threads to learn with");
    command->add_option("--seed", training.seed, "Of the samples of rows and features");
  }
  std::string kernels;
  train_command->add_option("--out", kernels, "The trees, XGBoost's JSON")->required();
  train_command->callback(
      [&] { write_file(kernels, train_on_all(read_all(files, training), training)); });
  int folds = 5;
  double level = 0.9;
  std::string calibration;
  std::string page;
  std::string table;
  std::string steps;
  evaluate_command->add_option("--folds", folds, "Of real models")->check(CLI::Range(2, 100));
  evaluate_command->add_option("--level", level, "Of the intervals");
  evaluate_command->add_option("--calibration", calibration, "Write the errors here");
  evaluate_command->add_option("--write", page, "Put the tables into this Markdown file");
  evaluate_command->add_option("--csv", table, "Write every prediction here");
  evaluate_command->add_option("--steps", steps, "Write every predicted step here");
  evaluate_command->callback([&] {
    const std::vector<Held> held = evaluate(read_all(files, training), training, folds);
    write_to(calibration, calibration_json(held));
    write_to(table, csv(held));
    write_to(steps, steps_csv(held));
    if (!page.empty()) write_between(page, "accuracy", markdown(held, level));
    fmt::print("{}", markdown(held, level));
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_cost: {}\n", error.what());
    return 2;
  }
  return 0;
}
