#include "betimes/base/cpu.h"

#include <oneapi/dnnl/dnnl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>

#include "betimes/base/error.h"
#include "betimes/base/threads.h"

#if defined(__x86_64__) || defined(__i386__)
#define BETIMES_X86 1
#include <cpuid.h>
#endif

namespace betimes {
namespace {

constexpr std::array<std::string_view, 6> isa_names = {"scalar", "sse41",       "avx2",
                                                       "avx512", "avx512_vnni", "avx512_bf16"};

std::string known_levels() {
  std::string text;
  for (const std::string_view level : isa_names) {
    if (!text.empty()) text += ", ";
    text += level;
  }
  return text;
}

Isa look_up() {
#ifdef BETIMES_X86
  __builtin_cpu_init();  // also asks the system whether it saves the wide registers
  if (!__builtin_cpu_supports("sse4.1")) return Isa::scalar;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::sse41;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!wide) return Isa::avx2;
  if (!__builtin_cpu_supports("avx512vnni")) return Isa::avx512;
  return __builtin_cpu_supports("avx512bf16") ? Isa::avx512_bf16 : Isa::avx512_vnni;
#else
  return Isa::scalar;
#endif
}

dnnl_cpu_isa_t onednn_level(Isa isa) {
  switch (isa) {
    case Isa::scalar:  // the lowest that oneDNN can be held to
    case Isa::sse41:
      return dnnl_cpu_isa_sse41;
    case Isa::avx2:
      return dnnl_cpu_isa_avx2;
    case Isa::avx512:
      return dnnl_cpu_isa_avx512_core;
    case Isa::avx512_vnni:
      return dnnl_cpu_isa_avx512_core_vnni;
    case Isa::avx512_bf16:
      break;
  }
  return dnnl_cpu_isa_avx512_core_bf16;
}

Isa parse_or_throw(std::string_view where, std::string_view text) {
  if (const auto level = parse_isa(text)) return *level;
  throw Error(where, "\"" + std::string(text) + "\" is no instruction-set level", known_levels());
}

/// The cap that stands before anybody asks for one: the build's and the environment's.
Isa standing_cap() {
  Isa cap = Isa::avx512_bf16;
#ifdef BETIMES_ISA_CAP
  cap = parse_or_throw("BETIMES_ISA_CAP", BETIMES_ISA_CAP);
#endif
  // An empty value is what shells leave behind when a variable is cleared: no cap.
  const char* text = std::getenv("BETIMES_ISA");
  if (text && *text) cap = std::min(cap, parse_or_throw("BETIMES_ISA", text));
  return cap;
}

/// One level for the whole process, because oneDNN's is: with more than one, kernels would
/// disagree. It may be lowered until somebody asks which it is; then oneDNN is told, once and for
/// all.
class Level {
 public:
  Isa fix() {
    const std::lock_guard lock(mutex_);
    if (fixed_) return cap_;
    if (cap_ < detected_isa() && dnnl_set_max_cpu_isa(onednn_level(cap_)) != dnnl_success) {
      throw Error("instruction set", "can't be capped to " + std::string(name(cap_)) +
                                         " any more: oneDNN has already chosen its level");
    }
    fixed_ = true;
    return cap_;
  }
  void lower(Isa cap) {
    const std::lock_guard lock(mutex_);
    if (cap >= cap_) return;
    if (fixed_) {
      throw Error("instruction set", "can't be capped to " + std::string(name(cap)) +
                                         " any more: " + std::string(name(cap_)) + " is in use");
    }
    cap_ = cap;
  }

 private:
  std::mutex mutex_;
  Isa cap_ = std::min(standing_cap(), detected_isa());
  bool fixed_ = false;
};

Level& level() {
  static Level only;
  return only;
}

std::string brand() {
#ifdef BETIMES_X86
  std::array<unsigned, 12> words{};
  if (__get_cpuid_max(0x80000000u, nullptr) >= 0x80000004u) {
    for (size_t i = 0; i < 3; ++i) {
      __get_cpuid(0x80000002u + static_cast<unsigned>(i), &words[4 * i], &words[4 * i + 1],
                  &words[4 * i + 2], &words[4 * i + 3]);
    }
    std::array<char, sizeof words + 1> text{};
    std::memcpy(text.data(), words.data(), sizeof words);
    std::string name = text.data();
    const size_t first = name.find_first_not_of(' ');
    const size_t last = name.find_last_not_of(' ');
    if (first != std::string::npos) return name.substr(first, last - first + 1);
  }
#endif
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

/// Bytes of the unified cache at `level`, from what the kernel says: sysconf doesn't know every VM.
long cache_bytes(int level) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int found = 0;
    long size = 0;
    char unit = 0;
    if (!(std::ifstream(folder + "level") >> found)) break;
    if (found != level || !(std::ifstream(folder + "size") >> size >> unit)) continue;
    return size * (unit == 'M' ? 1L << 20 : 1L << 10);
  }
  const long size = ::sysconf(level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
  return std::max(size, 0L);
}

}  // namespace

std::string_view name(Isa isa) { return isa_names[static_cast<size_t>(isa)]; }

std::optional<Isa> parse_isa(std::string_view text) {
  for (size_t i = 0; i < isa_names.size(); ++i) {
    if (isa_names[i] == text) return static_cast<Isa>(i);
  }
  return std::nullopt;
}

Isa detected_isa() {
  static const Isa level = look_up();
  return level;
}

Isa active_isa() {
  static const Isa fixed = level().fix();
  return fixed;
}

void cap_isa(Isa cap) { level().lower(cap); }

const CpuInfo& cpu_info() {
  static const CpuInfo info{brand(), available_cpus(), cache_bytes(2), cache_bytes(3)};
  return info;
}

}  // namespace betimes
