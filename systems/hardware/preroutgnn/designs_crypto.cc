#include <fmt/format.h>

#include <numeric>

#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/designs_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

/// Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
uint8_t multiply(uint8_t a, uint8_t b) {
  unsigned product = 0, factor = a;
  for (unsigned bit = 0; bit < 8; ++bit, factor <<= 1) {
    if (factor & 0x100) factor ^= 0x11b;
    if (b >> bit & 1) product ^= factor;
  }
  return static_cast<uint8_t>(product);
}

/// A look-up table as a function of Verilog.
std::string table_function(const std::string& name, int in, int out,
                           const std::vector<unsigned>& values) {
  std::string text =
      fmt::format("  function [{1}:0] {0}; input [{2}:0] v; case (v)\n", name, out - 1, in - 1);
  for (size_t i = 0; i < values.size(); ++i) {
    text += fmt::format("    {}'d{}: {} = {}'d{};\n", in, i, name, out, values[i]);
  }
  return text + fmt::format("    default: {} = {}'d0;\n  endcase endfunction\n", name, out);
}

}  // namespace

uint8_t aes_substitute(uint8_t value) {
  uint8_t inverse = 0;
  for (unsigned candidate = 1; candidate < 256; ++candidate) {
    if (multiply(value, static_cast<uint8_t>(candidate)) == 1) {
      inverse = static_cast<uint8_t>(candidate);
    }
  }
  unsigned found = 0x63;
  for (unsigned turn = 0; turn < 5; ++turn) {
    found ^=
        (static_cast<unsigned>(inverse) << turn | static_cast<unsigned>(inverse) >> (8 - turn)) &
        0xff;
  }
  return static_cast<uint8_t>(found);
}

Design aes_round(int columns) {
  check_size("AES round's columns", columns, 1, 4);
  Design design{fmt::format("aes-round-{}", columns), {}, false};
  std::vector<unsigned> box;
  for (unsigned i = 0; i < 256; ++i) box.push_back(aes_substitute(static_cast<uint8_t>(i)));
  const int bits = 32 * columns;
  std::string text = fmt::format(
      "module {0}(clk, x, k, y);\n  input clk; input [{1}:0] x, k; output reg [{1}:0] y;\n"
      "  reg [{1}:0] r, rk;\n{2}"
      "  function [7:0] twice; input [7:0] v; twice = {{v[6:0], 1'b0}} ^ (v[7] ? 8'h1b : 8'h00); "
      "endfunction\n  wire [{1}:0] s, t;\n",
      design.module(), bits - 1, table_function("box", 8, 8, box));
  for (int byte = 0; byte < 4 * columns; ++byte) {
    // Row r of the state turns by r columns.
    const int row = byte % 4, column = byte / 4, from = 4 * ((column + row) % columns) + row;
    text += fmt::format("  assign s[{}:{}] = box(r[{}:{}]);\n", 8 * byte + 7, 8 * byte,
                        8 * from + 7, 8 * from);
  }
  for (int column = 0; column < columns; ++column) {
    for (int row = 0; row < 4; ++row) {
      const auto at = [&](int other) {
        const int byte = 4 * column + (row + other) % 4;
        return fmt::format("s[{}:{}]", 8 * byte + 7, 8 * byte);
      };
      const int byte = 4 * column + row;
      text += fmt::format("  assign t[{}:{}] = twice({}) ^ twice({}) ^ {} ^ {} ^ {};\n",
                          8 * byte + 7, 8 * byte, at(0), at(1), at(1), at(2), at(3));
    }
  }
  text += "  always @(posedge clk) begin r <= x; rk <= k; y <= t ^ rk; end\nendmodule\n";
  design.verilog = std::move(text);
  return design;
}

Design xtea_rounds(int rounds) {
  check_size("xtea's rounds", rounds, 1, 16);
  Design design{fmt::format("xtea-{}", rounds), {}, false};
  std::string text = fmt::format(
      "module {0}(clk, rst, start, x, k, y, sum);\n"
      "  input clk, rst, start; input [63:0] x; input [127:0] k; output [63:0] y;\n"
      "  output reg [31:0] sum;\n  reg [31:0] v0, v1; reg [127:0] key;\n"
      "  function [31:0] part; input [127:0] all; input [1:0] which;\n"
      "    part = which[1] ? (which[0] ? all[127:96] : all[95:64])"
      " : (which[0] ? all[63:32] : all[31:0]);\n  endfunction\n"
      "  wire [31:0] a0 = v0, b0 = v1, s0 = sum;\n",
      design.module());
  for (int r = 0; r < rounds; ++r) {
    text += fmt::format(
        "  wire [31:0] a{1} = a{0} + ((((b{0} << 4) ^ (b{0} >> 5)) + b{0}) ^ (s{0} + part(key, "
        "s{0}[1:0])));\n"
        "  wire [31:0] s{1} = s{0} + 32'h9e3779b9;\n"
        "  wire [31:0] b{1} = b{0} + ((((a{1} << 4) ^ (a{1} >> 5)) + a{1}) ^ (s{1} + part(key, "
        "s{1}[12:11])));\n",
        r, r + 1);
  }
  text += fmt::format(
      "  always @(posedge clk) if (rst) begin v0 <= 0; v1 <= 0; key <= 0; sum <= 0; end\n"
      "  else if (start) begin v0 <= x[31:0]; v1 <= x[63:32]; key <= k; sum <= 0; end\n"
      "  else begin v0 <= a{0}; v1 <= b{0}; sum <= s{0}; end\n"
      "  assign y = {{v1, v0}};\nendmodule\n",
      rounds);
  design.verilog = std::move(text);
  return design;
}

Design salsa_quarter_rounds(int count) {
  check_size("salsa quarter rounds", count, 1, 16);
  Design design{fmt::format("salsa-quarter-{}", count), {}, false};
  std::string text = fmt::format(
      "module {0}(clk, x, y);\n  input clk; input [127:0] x; output reg [127:0] y;\n"
      "  reg [127:0] r;\n  function [31:0] mix; input [31:0] to, a, b; input integer turn;\n"
      "    reg [31:0] sum; begin sum = a + b; mix = to ^ ((sum << turn) | (sum >> (32 - turn))); "
      "end endfunction\n"
      "  wire [31:0] a0 = r[31:0], b0 = r[63:32], c0 = r[95:64], d0 = r[127:96];\n",
      design.module());
  for (int i = 0; i < count; ++i) {
    text += fmt::format(
        "  wire [31:0] b{1} = mix(b{0}, a{0}, d{0}, 7);\n"
        "  wire [31:0] c{1} = mix(c{0}, b{1}, a{0}, 9);\n"
        "  wire [31:0] d{1} = mix(d{0}, c{1}, b{1}, 13);\n"
        "  wire [31:0] a{1} = mix(a{0}, d{1}, c{1}, 18);\n",
        i, i + 1);
  }
  text += fmt::format(
      "  always @(posedge clk) begin r <= x; y <= {{d{0}, c{0}, b{0}, a{0}}}; end\nendmodule\n",
      count);
  design.verilog = std::move(text);
  return design;
}

Design des_rounds(int rounds) {
  check_size("DES-like rounds", rounds, 1, 16);
  Design design{fmt::format("des-like-{}", rounds), {}, false};
  Random random(56);
  std::string text = fmt::format(
      "module {0}(clk, x, k, y);\n  input clk; input [63:0] x; input [{1}:0] k;\n"
      "  output reg [63:0] y; reg [63:0] r; reg [{1}:0] key;\n",
      design.module(), 48 * rounds - 1);
  for (int box = 0; box < 8; ++box) {
    // As DES's: four rows, each a permutation of 16 values.
    std::vector<unsigned> values;
    for (int row = 0; row < 4; ++row) {
      std::vector<unsigned> line(16);
      std::iota(line.begin(), line.end(), 0u);
      random.shuffle(std::span(line));
      values.insert(values.end(), line.begin(), line.end());
    }
    text += table_function(fmt::format("box{}", box), 6, 4, values);
  }
  std::vector<int> turn(32);
  std::iota(turn.begin(), turn.end(), 0);
  random.shuffle(std::span(turn));
  text += "  wire [31:0] l0 = r[31:0], h0 = r[63:32];\n";
  for (int i = 0; i < rounds; ++i) {
    text += fmt::format("  wire [31:0] f{};\n", i);
    for (int box = 0; box < 8; ++box) {
      // Six neighbouring bits, the outer two shared with the neighbouring boxes.
      std::string six;
      for (int bit = 5; bit >= 0; --bit) {
        six += fmt::format("{}h{}[{}]", six.empty() ? "" : ", ", i, (4 * box + bit + 31) % 32);
      }
      text += fmt::format("  wire [3:0] q{0}_{1} = box{1}({{{2}}} ^ key[{3}:{4}]);\n", i, box, six,
                          48 * i + 6 * box + 5, 48 * i + 6 * box);
      for (int bit = 0; bit < 4; ++bit) {
        text += fmt::format("  assign f{}[{}] = q{}_{}[{}];\n", i,
                            turn[static_cast<size_t>(4 * box + bit)], i, box, bit);
      }
    }
    text += fmt::format("  wire [31:0] l{1} = h{0}; wire [31:0] h{1} = l{0} ^ f{0};\n", i, i + 1);
  }
  text += fmt::format(
      "  always @(posedge clk) begin r <= x; key <= k; y <= {{h{0}, l{0}}}; end\nendmodule\n",
      rounds);
  design.verilog = std::move(text);
  return design;
}

Design crc(int width, uint32_t polynomial, int data) {
  check_size("CRC", width, 8, 32);
  check_size("CRC's data", data, 1, 256);
  Design design{fmt::format("crc{}-{}", width, data), {}, false};
  design.verilog = fmt::format(
      "module {0}(clk, rst, en, d, c, ok);\n  input clk, rst, en; input [{1}:0] d;\n"
      "  output reg [{2}:0] c; output reg ok;\n  integer i; reg [{2}:0] n;\n"
      "  always @* begin n = c;\n    for (i = {1}; i >= 0; i = i - 1)\n"
      "      n = {{n[{3}:0], 1'b0}} ^ ((n[{2}] ^ d[i]) ? {4}'d{5} : {4}'d0);\n  end\n"
      "  always @(posedge clk) if (rst) begin c <= {{{4}{{1'b1}}}}; ok <= 0; end\n"
      "  else if (en) begin c <= n; ok <= n == 0; end\nendmodule\n",
      design.module(), data - 1, width - 1, width - 2, width, polynomial);
  return design;
}

}  // namespace betimes::systems::preroutgnn
