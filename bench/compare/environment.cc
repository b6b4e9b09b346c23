#include "bench/compare/environment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/measure/machine.h"

namespace betimes::bench {

std::string environment() {
  const measure::Machine machine = measure::probe_machine(1);
  double load[1] = {0};
  if (getloadavg(load, 1) != 1) load[0] = -1;
  return fmt::format(
      "{}, {} CPUs, instruction set {}; one thread reads {:.1f} GB/s and computes {:.0f} GFLOP/s "
      "in fp32, {:.0f} GOP/s in int8. {}, {}, oneDNN {}. Load before the run {:.2f}; {:%F}.",
      machine.cpu, machine.cpus, machine.isa, machine.read_gb_per_s, machine.peak_gflops_fp32,
      machine.peak_gops_int8, machine.os, machine.compiler, machine.onednn, load[0],
      std::chrono::system_clock::now());
}

void write_between(const std::string& path, const std::string& name, const std::string& text) {
  const auto bytes = read_file(path);
  std::string content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string begin = fmt::format("<!-- begin {} -->\n", name);
  const std::string end = fmt::format("<!-- end {} -->", name);
  const size_t from = content.find(begin);
  const size_t to = content.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from) {
    throw Error(path, "has no place for the table", begin + end);
  }
  content.replace(from + begin.size(), to - from - begin.size(), text);
  write_file(path, content);
}

}  // namespace betimes::bench
