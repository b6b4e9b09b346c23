#pragma once

#include <string>

namespace betimes::systems::preroutgnn {

/// What maps designs, from Debian packages.
struct Toolchain {
  std::string yosys;    // package yosys, with berkeley-abc
  std::string liberty;  // Liberty file of package qflow-tech-osu018
};

/// Finds them: yosys along PATH, the library at its Debian path or where BETIMES_OSU018 says.
/// Throws Error with the package to install.
Toolchain find_toolchain();
/// Whether find_toolchain() would.
bool toolchain_present();

/// Maps register-transfer Verilog of the module `top` to the library's cells: the netlist as
/// structural Verilog. Throws Error with the program's last line where it fails or takes more than
/// ten minutes.
std::string synthesise(const Toolchain& tools, const std::string& verilog, const std::string& top);

}  // namespace betimes::systems::preroutgnn
