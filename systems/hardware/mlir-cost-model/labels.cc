#include "systems/hardware/mlir-cost-model/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "betimes/base/error.h"

namespace betimes::systems::mlir_cost_model {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the first line off.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Up to the first blank or mark.
std::string word(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find_first_of(" \t:,)"), text.size())));
}

/// The 64-bit register that a general one is part of; empty for others.
std::string general_register(const std::string& name) {
  static const std::map<std::string, std::string> legacy = [] {
    std::map<std::string, std::string> found;
    for (const char letter : {'a', 'b', 'c', 'd'}) {
      for (const char* part : {"r{}x", "e{}x", "{}x", "{}l", "{}h"}) {
        found[fmt::format(fmt::runtime(part), letter)] = fmt::format("r{}x", letter);
      }
    }
    for (const char* pair : {"si", "di", "bp"}) {
      for (const char* part : {"r{}", "e{}", "{}", "{}l"}) {
        found[fmt::format(fmt::runtime(part), pair)] = fmt::format("r{}", pair);
      }
    }
    return found;
  }();
  const auto at = legacy.find(name);
  if (at != legacy.end()) return at->second;
  if (name.size() < 2 || name[0] != 'r' || !is_digit(name[1])) return {};
  return name.substr(0, name.find_first_not_of("0123456789", 1));
}

/// "zmm7", "ymm7" and "xmm7" are one; empty for others.
std::string vector_register(const std::string& name) {
  if (name.size() < 4 || name.substr(1, 2) != "mm" || !is_digit(name[3])) return {};
  if (name[0] != 'x' && name[0] != 'y' && name[0] != 'z') return {};
  return name.substr(3);
}

class AssemblyReader {
 public:
  explicit AssemblyReader(const std::string& where) : where_(where) {}

  Assembly run(std::string_view text) {
    while (!text.empty() && !ended_) line(take_line(text));
    if (found_.blocks.empty()) throw Error(where_, "has no function", "what llc-15 writes");
    close_block();
    found_.marked += "# LLVM-MCA-END whole\n";
    found_.vector_registers = static_cast<double>(vectors_.size());
    found_.general_registers = static_cast<double>(generals_.size());
    for (Block& block : found_.blocks) {
      for (std::string& loop : block.loops) loop = ir_name(loop);
    }
    return std::move(found_);
  }

 private:
  void line(std::string_view whole) {
    const size_t hash = whole.find('#');
    const std::string_view comment =
        hash == std::string_view::npos ? "" : trim(whole.substr(hash + 1));
    const std::string_view code = trim(whole.substr(0, std::min(hash, whole.size())));
    if (code.starts_with(".Lfunc_end")) ended_ = !found_.blocks.empty();
    if (ended_) return;
    if (comment.starts_with("%bb.")) {
      const size_t second = comment.find('#');
      begin_block(word(comment.substr(1)),
                  second == std::string_view::npos ? "" : trim(comment.substr(second + 1)));
    } else if (code.starts_with(".LBB")) {
      begin_block(word(code.substr(2)), comment);
      found_.marked += fmt::format("{}\n", code);
    } else if (code.empty()) {
      loop_comment(comment);
    } else if (!found_.blocks.empty() && code.front() != '.' && code.back() != ':') {
      instruction(code, comment);
    }
  }

  /// `comment` is the block's name in the IR, or, without one, the first on its loops.
  void begin_block(const std::string& name, std::string_view comment) {
    if (!begun_) found_.marked += "# LLVM-MCA-BEGIN whole\n";
    begun_ = true;
    close_block();
    found_.blocks.push_back({name, {}});
    if (comment.starts_with('%')) {
      ir_names_[name] = word(comment.substr(1));
    } else {
      loop_comment(comment);
    }
  }
  /// Regions without instructions are an error to llvm-mca; such blocks cost nothing.
  void close_block() {
    if (open_) found_.marked += fmt::format("# LLVM-MCA-END {}\n", found_.blocks.back().name);
    if (!open_ && !found_.blocks.empty()) found_.blocks.pop_back();
    open_ = false;
  }

  void loop_comment(std::string_view comment) {
    if (found_.blocks.empty()) return;
    Block& block = found_.blocks.back();
    if (comment.starts_with("Parent Loop ")) {
      block.loops.push_back(word(comment.substr(12)));
      parents_[block.name] = block.loops;
    } else if (comment.starts_with("=>")) {
      block.loops.push_back(block.name);
    } else if (comment.starts_with("in Loop: Header=")) {
      const std::string header = word(comment.substr(16));
      block.loops = parents_[header];
      block.loops.push_back(header);
    }
  }

  void instruction(std::string_view code, std::string_view comment) {
    if (!open_) {
      found_.marked += fmt::format("# LLVM-MCA-BEGIN {}\n", found_.blocks.back().name);
      open_ = true;
    }
    found_.marked += fmt::format("\t{}\n", code);
    // "8-byte Spill", "64-byte Folded Reload"
    found_.spills += comment.ends_with("Spill");
    found_.reloads += comment.ends_with("Reload");
    for (size_t at = code.find('%'); at != std::string_view::npos; at = code.find('%', at + 1)) {
      const size_t end = std::min(code.find_first_of(" \t,(){}", at), code.size());
      const std::string name(code.substr(at + 1, end - at - 1));
      if (const std::string vector = vector_register(name); !vector.empty())
        vectors_.insert(vector);
      if (const std::string general = general_register(name); !general.empty()) {
        generals_.insert(general);
      }
    }
  }

  std::string ir_name(const std::string& header) const {
    const auto at = ir_names_.find(header);
    if (at == ir_names_.end()) {
      throw Error(where_, fmt::format("doesn't say which block begins loop {}", header));
    }
    return at->second;
  }

  const std::string& where_;
  Assembly found_;
  bool begun_ = false, open_ = false, ended_ = false;
  std::set<std::string> vectors_, generals_;
  std::map<std::string, std::string> ir_names_;              // of blocks
  std::map<std::string, std::vector<std::string>> parents_;  // of headers
};

/// The numbers of a row of llvm-mca's table; "-" is 0.
std::vector<double> row(std::string_view line) {
  std::vector<double> found;
  while (!(line = trim(line)).empty()) {
    const std::string text = word(line);
    found.push_back(text == "-" ? 0 : std::strtod(text.c_str(), nullptr));
    line.remove_prefix(std::max<size_t>(text.size(), 1));
  }
  return found;
}

struct RegionReader {
  double iterations = 0, uops = 0, cycles = 0, busiest = 0;
  std::vector<bool> port;  // whether a resource is a numbered port

  static bool figure(std::string_view line, std::string_view name, double& target) {
    if (!line.starts_with(name)) return false;
    target = std::strtod(std::string(trim(line.substr(name.size()))).c_str(), nullptr);
    return true;
  }

  /// "[2]   - SKXPort0"
  void resource(std::string_view line) {
    if (!line.starts_with('[') || line.find(" - ") == std::string_view::npos) return;
    port.push_back(line.find("Port") != std::string_view::npos && is_digit(line.back()));
  }

  void pressures(std::string_view line) {
    const std::vector<double> values = row(line);
    for (size_t i = 0; i < std::min(values.size(), port.size()); ++i) {
      if (port[i]) busiest = std::max(busiest, values[i]);
    }
  }

  Region region(const std::string& name, const std::string& where) const {
    if (!(iterations > 0 && uops > 0 && cycles > 0) || port.empty()) {
      throw Error(where, fmt::format("lacks figures of region {}", name),
                  "what llvm-mca-15 writes");
    }
    return {uops / iterations, cycles / iterations, busiest};
  }
};

}  // namespace

Assembly read_assembly(std::string_view text, const std::string& where) {
  return AssemblyReader(where).run(text);
}

std::map<std::string, Region> read_regions(std::string_view text, const std::string& where) {
  std::map<std::string, Region> found;
  std::string name;
  RegionReader reader;
  bool in_resources = false;
  const auto finish = [&] {
    if (!name.empty()) found[name] = reader.region(name, where);
    reader = {};
  };
  while (!text.empty()) {
    const std::string_view line = trim(take_line(text));
    const size_t mark = line.find("Code Region - ");
    if (mark != std::string_view::npos) {
      finish();
      name = word(line.substr(mark + 14));
    } else if (line == "Resources:") {
      in_resources = true;
    } else if (line.starts_with("Resource pressure per iteration:")) {
      take_line(text);  // the resources' numbers
      reader.pressures(take_line(text));
    } else if (line.empty()) {
      in_resources = false;
    } else if (in_resources) {
      reader.resource(line);
    } else {
      RegionReader::figure(line, "Iterations:", reader.iterations) ||
          RegionReader::figure(line, "Total Cycles:", reader.cycles) ||
          RegionReader::figure(line, "Total uOps:", reader.uops);
    }
  }
  finish();
  if (found.empty()) throw Error(where, "has no regions", "what llvm-mca-15 writes");
  return found;
}

std::map<std::string, double> read_trip_counts(std::string_view text) {
  std::map<std::string, double> found;
  constexpr std::string_view says = ": backedge-taken count is ";
  while (!text.empty()) {
    const std::string_view line = trim(take_line(text));
    const size_t at = line.find(says);
    if (!line.starts_with("Loop %") || at == std::string_view::npos) continue;
    const std::string_view digits = line.substr(at + says.size());
    int64_t count = 0;
    const auto [stop, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (problem != std::errc{} || stop != digits.data() + digits.size() || count < 0) continue;
    found[std::string(line.substr(6, at - 6))] = static_cast<double>(count) + 1;
  }
  return found;
}

Labels combine(const Assembly& assembly, const std::map<std::string, Region>& regions,
               const std::map<std::string, double>& trips, const std::string& where) {
  const auto region = [&](const std::string& name) {
    const auto at = regions.find(name);
    if (at == regions.end()) throw Error(where, fmt::format("lacks region {}", name));
    return at->second;
  };
  const Region whole = region("whole");
  Labels found;
  found.vector_registers = assembly.vector_registers;
  found.general_registers = assembly.general_registers;
  found.spills = assembly.spills;
  found.reloads = assembly.reloads;
  found.uops = whole.uops;
  found.cycles = whole.cycles;
  found.utilisation = 100 * whole.busiest / whole.cycles;
  for (const Block& block : assembly.blocks) {
    double times = 1;
    for (const std::string& loop : block.loops) {
      const auto at = trips.find(loop);
      if (at == trips.end()) {
        throw Error(where, fmt::format("doesn't say how often loop {} runs", loop));
      }
      times *= at->second;
    }
    found.run_cycles += times * region(block.name).cycles;
  }
  return found;
}

}  // namespace betimes::systems::mlir_cost_model
