#include "systems/hardware/preroutgnn/synthesise.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <span>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/base/temporary_folder.h"
#include "systems/hardware/common/process.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr const char* debian_library = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

std::string library_path() {
  const char* given = std::getenv("BETIMES_OSU018");
  return given && *given ? given : debian_library;
}

/// yosys of Debian has no abc of its own.
bool abc_found() {
  return !hardware::find_program("berkeley-abc").empty() ||
         !hardware::find_program("yosys-abc").empty();
}

/// The line that says what went wrong.
std::string complaint(const hardware::Finished& run) {
  const std::string all = run.err + run.out;
  size_t begin = all.find("ERROR:");
  if (begin == std::string::npos) begin = all.rfind('\n', all.size() < 2 ? 0 : all.size() - 2);
  if (begin == std::string::npos) begin = 0;
  while (begin < all.size() && all[begin] == '\n') ++begin;
  return all.substr(begin, std::min(all.find('\n', begin), all.size()) - begin);
}

}  // namespace

Toolchain find_toolchain() {
  Toolchain found{hardware::find_program("yosys"), library_path()};
  if (found.yosys.empty()) {
    throw Error("yosys", "isn't installed", "apt-get install yosys berkeley-abc");
  }
  if (!abc_found()) throw Error("abc", "isn't installed", "apt-get install berkeley-abc");
  if (!std::filesystem::exists(found.liberty)) {
    throw Error(found.liberty, "isn't there", "apt-get install qflow-tech-osu018");
  }
  return found;
}

bool toolchain_present() {
  return !hardware::find_program("yosys").empty() && abc_found() &&
         std::filesystem::exists(library_path());
}

std::string synthesise(const Toolchain& tools, const std::string& verilog, const std::string& top) {
  const TemporaryFolder folder;
  write_file(folder.at("in.v"), verilog);
  // What sizes and buffers outputs: a driver and a load that are typical of the library.
  write_file(folder.at("constraints"), "set_driving_cell INVX2\nset_load 40 [all_outputs]\n");
  // Scripts quote nothing: the temporary folder's name has no spaces, the library's must not.
  if (tools.liberty.find_first_of(" \t\"';#") != std::string::npos) {
    throw Error(tools.liberty, "has characters that yosys can't take in a path");
  }
  write_file(folder.at("map.ys"), fmt::format("read_verilog {0}/in.v\n"
                                              "synth -flatten -top {2}\n"
                                              "dfflibmap -liberty {1}\n"
                                              "abc -liberty {1} -constr {0}/constraints -D 1000\n"
                                              "opt_clean -purge\n"
                                              "splitnets\n"
                                              "write_verilog -noattr -noexpr -nodec {0}/out.v\n",
                                              folder.path().string(), tools.liberty, top));
  hardware::Limits limits;
  limits.seconds = 600;
  const hardware::Finished run =
      hardware::run_program({tools.yosys, "-q", "-s", folder.at("map.ys")}, limits);
  if (run.exit != 0) throw Error(fmt::format("yosys on {}", top), complaint(run));
  const std::vector<std::byte> bytes = read_file(folder.at("out.v"), size_t{256} << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace betimes::systems::preroutgnn
