#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "systems/hardware/preroutgnn/label.h"
#include "systems/hardware/preroutgnn/stand_in.h"

namespace betimes::systems::preroutgnn {

/// A file of the shared folder of data sets: below BETIMES_SHARED, or beside the repository.
inline std::string shared_file(const std::string& name) {
  const char* given = std::getenv("BETIMES_SHARED");
  const std::filesystem::path folder =
      given ? std::filesystem::path(given)
            : std::filesystem::path(BETIMES_SOURCE_DIR) / ".." / "shared";
  return (folder / "data" / name).string();
}

/// A stand-in design of about so many pins, routed and analysed.
inline Labelled labelled_stand_in(const StandIn& design, uint64_t seed) {
  LabelOptions options;
  options.seed = seed;
  return label(design.netlist, stand_in_library(), design.placement, options);
}

/// Over stand_in_library(): two gates and a register between ports.
inline const char* const small_netlist = R"(/* by hand */
module small(clk, a, y);
  input clk;
  wire clk;
  input [1:0] a;
  wire [1:0] a;
  output y;
  wire \n.1 , n2, q;
  NAND2 \g.1  ( .A(a[0]), .B(a[1]), .Y(\n.1 ) );
  DFF r (.CLK(clk), .D(\n.1 ), .Q(q));
  INV g2 (.A(q), .Y(n2));
  assign y = n2;
endmodule
)";

/// `text` with the first `from` replaced.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace betimes::systems::preroutgnn
