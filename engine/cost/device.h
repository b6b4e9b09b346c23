#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "betimes/cost/kernel_time.h"
#include "betimes/measure/machine.h"

namespace betimes::cost {

/// How long one reference network takes on a device, in milliseconds.
struct ReferenceLatency {
  std::string name;
  double p50 = 0, p90 = 0, p99 = 0;
  double low = 0, high = 0;  // 95 % interval of the median
  int64_t runs = 0;
};

/// Hardware, runtime and threads together, seen as a black box that turns work into time: what
/// `betimes probe` measures, small enough to be carried elsewhere.
struct Device {
  std::string name;
  std::string runtime;       // "betimes 0.1.0"
  std::string date;          // ISO 8601, UTC
  measure::Machine machine;  // with what it can do at most
  double timer_ms = 0;       // what reading the clock adds to every latency
  std::string reference_set;
  std::vector<ReferenceLatency> references;  // in the set's order
  std::vector<KernelTime> kernels;           // the operator table; may be empty
};

/// Reads a device file. Throws Error that names the file and what is wrong with it: another format
/// or version, fields that are missing or of another kind, times or rates that aren't positive,
/// percentiles that contradict one another, and, for a reference set that this program has,
/// networks that are missing or unknown.
Device read_device(const std::string& path);
/// The same from memory; `where` names the source in messages.
Device parse_device(const std::string& text, const std::string& where);

/// The file's text, JSON; documented in docs/json.md.
std::string format_device(const Device& device);
/// Throws Error unless read_device would accept it.
void write_device(const Device& device, const std::string& path);

}  // namespace betimes::cost
