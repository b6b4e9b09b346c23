#include "bench/cost/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/gzip.h"
#include "betimes/base/random.h"
#include "betimes/base/ranks.h"
#include "betimes/base/statistics.h"
#include "betimes/cost/device_model.h"
#include "betimes/cost/nas_bench_201.h"
#include "betimes/import/csv.h"

namespace betimes::bench {
namespace {

constexpr size_t most_bytes = size_t{64} << 20;

struct Source {
  const char* column;
  const char* name;
  const char* cpu;
  const char* isa;
  int threads;
  double read_gb_per_s, gflops;  // assumed
  bool whole;  // computes edges that lead nowhere: its latencies follow the count of all edges
};
constexpr Source sources[] = {
    {"raspi4", "pi4", "Raspberry Pi 4", "neon", 1, 5, 20, false},
    {"pixel2", "pixel2", "Pixel 2", "neon", 1, 5, 20, true},
    {"pixel3", "pixel3", "Pixel 3", "neon", 1, 5, 20, false},
    {"samsung_a50", "galaxy-a50", "Samsung A50", "neon", 1, 5, 20, true},
    {"samsung_s7", "galaxy-s7", "Samsung S7", "neon", 1, 5, 20, true},
    {"essential_ph_1", "essential-ph1", "Essential PH-1", "neon", 1, 5, 20, true},
    {"gold_6226", "xeon-gold-6226", "Intel Xeon Gold 6226", "avx512", 1, 15, 100, true},
    {"gold_6240", "xeon-gold-6240", "Intel Xeon Gold 6240", "avx512", 1, 15, 100, true},
    {"silver_4114", "xeon-silver-4114", "Intel Xeon Silver 4114", "avx512", 1, 15, 100, true},
    {"silver_4210r", "xeon-silver-4210r", "Intel Xeon Silver 4210R", "avx512", 1, 15, 100, true}};

std::vector<import::CsvRow> read_table(const std::string& path) {
  return import::parse_csv(read_gzip_text(path, most_bytes), path);
}

std::vector<std::string> column(const std::vector<import::CsvRow>& table, const std::string& name,
                                const std::string& path) {
  const auto& head = table.at(0).fields;
  const auto found = std::find(head.begin(), head.end(), name);
  if (found == head.end()) throw Error(path, "has no column " + name);
  std::vector<std::string> cells;
  for (size_t i = 1; i < table.size(); ++i) {
    cells.push_back(table[i].fields.at(static_cast<size_t>(found - head.begin())));
  }
  return cells;
}

cost::Device device_of(const Source& source, const std::vector<double>& ms) {
  cost::Device device;
  device.name = source.name;
  device.runtime = "published, runtime not stated (HELP, 2021)";
  device.date = "2021";
  device.machine.cpu = source.cpu;
  device.machine.cpus = source.threads;
  device.machine.threads = source.threads;
  device.machine.isa = source.isa;
  device.machine.read_gb_per_s = source.read_gb_per_s;
  device.machine.peak_gflops_fp32 = source.gflops;
  device.machine.os = "not stated";
  device.machine.compiler = "not stated; rates assumed";
  device.machine.onednn = "none";
  device.reference_set = source.whole ? cost::whole_published_set_name : cost::published_set_name;
  for (const cost::ReferenceNet& net : cost::nas_bench_201_references(false)) {
    const double value = ms.at(std::stoul(net.name));
    device.references.push_back({net.name, value, value, value, value, value, 1});
  }
  return device;
}

}  // namespace

std::vector<PublishedDevice> read_published(const std::string& folder) {
  const std::string path = folder + "/nasbench201_latency.csv.gz";
  const auto table = read_table(path);
  std::vector<PublishedDevice> all;
  for (const Source& source : sources) {
    PublishedDevice found;
    for (const std::string& cell : column(table, source.column, path)) {
      found.ms.push_back(std::stod(cell));
    }
    found.device = device_of(source, found.ms);
    all.push_back(std::move(found));
  }
  return all;
}

std::string evaluate_published(const std::string& folder, int64_t count, uint64_t seed) {
  const std::string path = folder + "/nasbench201_archs.csv.gz";
  const std::vector<std::string> cells = column(read_table(path), "arch_str", path);
  Random random(seed);
  std::vector<size_t> drawn;
  std::vector<std::vector<cost::Kernel>> kernels[2];  // pruned, whole
  std::vector<double> macs;
  std::set<size_t> taken;  // the references, then what was drawn already
  for (const cost::ReferenceNet& net : cost::nas_bench_201_references(false)) {
    taken.insert(std::stoul(net.name));
  }
  const auto most = static_cast<int64_t>(cells.size() - taken.size());
  while (static_cast<int64_t>(drawn.size()) < std::min(count, most)) {
    const size_t next = random.below(cells.size());
    if (!taken.insert(next).second) continue;
    drawn.push_back(next);
    for (const bool whole : {true, false}) {
      const auto plan = runtime::compile(cost::nas_bench_201("net", cells[drawn.back()], whole));
      kernels[whole].push_back(cost::kernels_of(plan->steps()));
    }
    double sum = 0;
    for (const cost::Kernel& kernel : kernels[0].back()) sum += kernel.work.macs;
    macs.push_back(sum);
  }
  std::string text =
      "| device | Spearman | of multiply-accumulates | within 10 % | median error | coverage of 90 "
      "% "
      "|\n|---|---|---|---|---|---|\n";
  for (const PublishedDevice& each : read_published(folder)) {
    const cost::DeviceModel model(each.device);
    std::vector<double> predicted;
    std::vector<double> measured;
    std::vector<double> errors;
    double within = 0;
    double covered = 0;
    for (size_t i = 0; i < drawn.size(); ++i) {
      const bool whole = each.device.reference_set == cost::whole_published_set_name;
      const cost::Prediction found = model.predict(kernels[whole][i]);
      predicted.push_back(found.p50);
      measured.push_back(each.ms[drawn[i]]);
      errors.push_back(std::abs(found.p50 / measured.back() - 1));
      within += errors.back() <= 0.1 ? 1 : 0;
      covered += found.low <= measured.back() && measured.back() <= found.high ? 1 : 0;
    }
    const auto n = static_cast<double>(drawn.size());
    text += fmt::format("| {} | {:.3f} | {:.3f} | {:.0f} % | {:.1f} % | {:.0f} % |\n",
                        each.device.name, spearman(predicted, measured), spearman(macs, measured),
                        100 * within / n, 100 * median(errors), 100 * covered / n);
  }
  return text;
}

}  // namespace betimes::bench
