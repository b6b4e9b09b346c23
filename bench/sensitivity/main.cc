// What a fit makes of the same budget with each way of finding sensitivities: `betimes fit` is run
// for every model, budget and way, in turns, and its own figures are set side by side.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "betimes/base/error.h"

namespace {

using Json = nlohmann::json;
using betimes::Error;
namespace fs = std::filesystem;

struct Arguments {
  std::string betimes;
  std::vector<std::string> models;  // empty: the embedded one
  std::vector<double> shares = {0.5, 0.6, 0.7, 0.8};
  double seconds = 30;
  int seeds = 1;
};

std::string quoted(const std::string& word) { return "'" + word + "'"; }

/// The JSON object that `betimes fit` prints for these options.
Json fit(const Arguments& a, const std::string& model, const std::string& options) {
  const fs::path folder = fs::temp_directory_path() / fmt::format("sensitivity-{}", getpid());
  fs::create_directories(folder);
  const std::string command =
      fmt::format("{} fit {} --json --max-seconds {} --out {} {}", quoted(a.betimes),
                  model.empty() ? "" : quoted(model), a.seconds,
                  quoted((folder / "fitted.onnx").string()), options);
  std::FILE* out = popen(command.c_str(), "r");
  if (!out) throw Error(a.betimes, "can't be started");
  std::string text;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, out)) > 0;) text.append(buffer, n);
  const int status = pclose(out);
  fs::remove_all(folder);
  Json found = Json::parse(text, nullptr, false);
  if (!found.is_object()) throw Error(command, fmt::format("ended with {}", status));
  return found;
}

std::string name_of(const std::string& model) {
  return model.empty() ? "default model" : fs::path(model).stem().string();
}

double original_of(const Json& found) {
  return found["original"]["latency_ms"]["p50"].get<double>();
}

/// One way's part of a row: latency as a share of the original's in the same run, layers lowered,
/// agreement with the original, change of quality.
std::string cells(const Json& found) {
  const Json& agreement = found["agreement"];
  return fmt::format("{:.1f} %{} | {} | {:.4f} ({:.4f} to {:.4f}) | {:+.4f}",
                     100 * found["fitted"]["latency_ms"]["p50"].get<double>() / original_of(found),
                     found["met"].get<bool>() ? "" : " (missed)", found["changes"].size(),
                     agreement["value"].get<double>(), agreement["low"].get<double>(),
                     agreement["high"].get<double>(), found["quality_change"].get<double>());
}

void run(const Arguments& a) {
  fmt::print(
      "| model | budget p50, ms | seed | independent: p50 | layers | agreement | quality | "
      "interlayer: p50 | layers | agreement | quality |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& model : a.models) {
    double original = original_of(fit(a, model, ""));
    for (const double share : a.shares) {
      for (int seed = 1; seed <= a.seeds; ++seed) {
        const auto with = [&](const char* way) {
          return fit(a, model,
                     fmt::format("--budget 'p50<={:.4f}ms' --seed {} --sensitivity {}",
                                 share * original, seed, way));
        };
        const Json independent = with("independent"), interlayer = with("interlayer");
        fmt::print("| {} | {:.3f} ({:.0f} %) | {} | {} | {} |\n", name_of(model), share * original,
                   100 * share, seed, cells(independent), cells(interlayer));
        std::fflush(stdout);
        // The machine drifts: the next budget is a share of what the original takes by now.
        original = (original_of(independent) + original_of(interlayer)) / 2;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app("Fits of the same budgets with independent and with interlayer sensitivities.");
  app.add_option("betimes", a.betimes, "the program")->required();
  app.add_option("models", a.models, "ONNX files; the embedded model, too, with ''");
  app.add_option("--shares", a.shares, "budgets, as shares of the original's median")
      ->delimiter(',');
  app.add_option("--seconds", a.seconds, "for each fit");
  app.add_option("--seeds", a.seeds, "fits of each budget");
  CLI11_PARSE(app, argc, argv);
  if (a.models.empty()) a.models.push_back("");
  try {
    run(a);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_sensitivity: {}\n", problem.what());
    return 2;
  }
  return 0;
}
