#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/designs_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

/// A full adder as two assignments.
std::string full_adder(const std::string& a, const std::string& b, const std::string& c,
                       const std::string& sum, const std::string& carry) {
  return fmt::format(
      "  assign {3} = {0} ^ {1} ^ {2};\n  assign {4} = ({0} & {1}) | ({2} & ({0} ^ {1}));\n", a, b,
      c, sum, carry);
}

/// A module whose inputs a, b are registered, as is the output: `body` joins ra, rb to `value`.
std::string registered(const std::string& module, int bits, int out, const std::string& body) {
  return fmt::format(
      "module {0}(clk, a, b, y);\n"
      "  input clk; input [{1}:0] a, b; output reg [{2}:0] y;\n"
      "  reg [{1}:0] ra, rb; wire [{2}:0] value;\n{3}"
      "  always @(posedge clk) begin ra <= a; rb <= b; y <= value; end\nendmodule\n",
      module, bits - 1, out - 1, body);
}

}  // namespace

Design array_multiplier(int bits) {
  check_size("array multiplier", bits, 2, 64);
  Design design{fmt::format("array-multiplier-{}", bits), {}, false};
  std::string body;
  for (int r = 0; r < bits; ++r) {
    body += fmt::format("  wire [{0}:0] p{1} = ra & {{{2}{{rb[{1}]}}}};\n", bits - 1, r, bits);
  }
  body += fmt::format("  wire [{0}:0] s0 = {{1'b0, p0}};\n", bits);
  for (int r = 1; r < bits; ++r) {
    body +=
        fmt::format("  wire [{0}:0] s{1}; wire [{0}:0] c{1};\n  assign c{1}[0] = 1'b0;\n", bits, r);
    for (int i = 0; i < bits; ++i) {
      body += full_adder(fmt::format("s{}[{}]", r - 1, i + 1), fmt::format("p{}[{}]", r, i),
                         fmt::format("c{}[{}]", r, i), fmt::format("s{}[{}]", r, i),
                         fmt::format("c{}[{}]", r, i + 1));
    }
    body += fmt::format("  assign s{0}[{1}] = c{0}[{1}];\n", r, bits);
  }
  for (int r = 0; r + 1 < bits; ++r) body += fmt::format("  assign value[{0}] = s{0}[0];\n", r);
  body += fmt::format("  assign value[{}:{}] = s{};\n", 2 * bits - 1, bits - 1, bits - 1);
  design.verilog = registered(design.module(), bits, 2 * bits, body);
  return design;
}

Design booth_multiplier(int bits) {
  check_size("Booth multiplier", bits, 4, 64);
  bits += bits % 2;
  Design design{fmt::format("booth-multiplier-{}", bits), {}, false};
  const int out = 2 * bits;
  std::string body = fmt::format(
      "  wire [{0}:0] once = {{{{{1}{{ra[{2}]}}}}, ra}};\n  wire [{0}:0] twice = once << 1;\n",
      out - 1, bits, bits - 1);
  std::string sum;
  for (int i = 0; i < bits; i += 2) {
    const std::string low = i == 0 ? "1'b0" : fmt::format("rb[{}]", i - 1);
    body += fmt::format(
        "  wire [2:0] d{0} = {{rb[{1}], rb[{0}], {2}}};\n"
        "  wire [{3}:0] m{0} = (d{0} == 3'b000 || d{0} == 3'b111) ? {4}'d0 : "
        "(d{0} == 3'b011 || d{0} == 3'b100) ? twice : once;\n"
        "  wire [{3}:0] p{0} = ((d{0}[2] ? ~m{0} : m{0}) + d{0}[2]) << {0};\n",
        i, i + 1, low, out - 1, out);
    sum += fmt::format("{}p{}", i == 0 ? "" : " + ", i);
  }
  body += fmt::format("  assign value = {};\n", sum);
  design.verilog = registered(design.module(), bits, out, body);
  return design;
}

Design wallace_multiplier(int bits) {
  check_size("Wallace multiplier", bits, 2, 64);
  Design design{fmt::format("wallace-multiplier-{}", bits), {}, false};
  const auto out = static_cast<size_t>(2 * bits);
  std::string body;
  std::vector<std::deque<std::string>> columns(out);
  for (int i = 0; i < bits; ++i) {
    for (int j = 0; j < bits; ++j) {
      body += fmt::format("  wire p{0}_{1} = ra[{0}] & rb[{1}];\n", i, j);
      columns[static_cast<size_t>(i + j)].push_back(fmt::format("p{}_{}", i, j));
    }
  }
  int made = 0;
  const auto high = [&] {
    return std::any_of(columns.begin(), columns.end(),
                       [](const std::deque<std::string>& column) { return column.size() > 2; });
  };
  // Layers of full adders until two rows are left, which an adder sums.
  while (high()) {
    std::vector<std::deque<std::string>> next(out);
    for (size_t c = 0; c < out; ++c) {
      std::deque<std::string>& column = columns[c];
      while (column.size() >= 3) {
        const std::string sum = fmt::format("s{}", made), carry = fmt::format("c{}", made);
        ++made;
        body += fmt::format("  wire {}, {};\n", sum, carry);
        body += full_adder(column[0], column[1], column[2], sum, carry);
        column.erase(column.begin(), column.begin() + 3);
        next[c].push_back(sum);
        if (c + 1 < out) next[c + 1].push_back(carry);
      }
      next[c].insert(next[c].end(), column.begin(), column.end());
    }
    columns = std::move(next);
  }
  std::string rows[2];
  for (size_t c = out; c-- > 0;) {
    for (size_t r = 0; r < 2; ++r) {
      rows[r] += (rows[r].empty() ? "" : ", ") + (columns[c].size() > r ? columns[c][r] : "1'b0");
    }
  }
  body += fmt::format("  assign value = {{{}}} + {{{}}};\n", rows[0], rows[1]);
  design.verilog = registered(design.module(), bits, 2 * bits, body);
  return design;
}

Design ripple_adder(int bits, int operands) {
  check_size("ripple adder", bits, 2, 256);
  check_size("ripple adder's operands", operands, 2, 16);
  Design design{fmt::format("ripple-adder-{}x{}", operands, bits), {}, false};
  std::string text = fmt::format(
      "module {0}(clk, a, y);\n  input clk; input [{1}:0] a; output reg [{2}:0] y;\n"
      "  reg [{1}:0] r;\n  wire [{2}:0] t0 = r[{2}:0];\n",
      design.module(), bits * operands - 1, bits - 1);
  for (int k = 1; k < operands; ++k) {
    text += fmt::format("  wire [{0}:0] t{1}; wire [{2}:0] c{1};\n  assign c{1}[0] = 1'b0;\n",
                        bits - 1, k, bits);
    for (int i = 0; i < bits; ++i) {
      text += full_adder(fmt::format("t{}[{}]", k - 1, i), fmt::format("r[{}]", k * bits + i),
                         fmt::format("c{}[{}]", k, i), fmt::format("t{}[{}]", k, i),
                         fmt::format("c{}[{}]", k, i + 1));
    }
  }
  text +=
      fmt::format("  always @(posedge clk) begin r <= a; y <= t{}; end\nendmodule\n", operands - 1);
  design.verilog = std::move(text);
  return design;
}

Design carry_select_adder(int bits, int block) {
  check_size("carry-select adder", bits, 2, 256);
  check_size("carry-select adder's block", block, 1, bits);
  Design design{fmt::format("carry-select-adder-{}", bits), {}, false};
  std::string body = "  wire k0 = 1'b0;\n";
  int index = 0;
  for (int low = 0; low < bits; low += block, ++index) {
    const int high = std::min(bits, low + block) - 1, width = high - low + 1;
    body += fmt::format(
        "  wire [{0}:0] z{1} = {{1'b0, ra[{2}:{3}]}} + {{1'b0, rb[{2}:{3}]}};\n"
        "  wire [{0}:0] o{1} = {{1'b0, ra[{2}:{3}]}} + {{1'b0, rb[{2}:{3}]}} + 1'b1;\n"
        "  assign value[{2}:{3}] = k{1} ? o{1}[{4}:0] : z{1}[{4}:0];\n"
        "  wire k{5} = k{1} ? o{1}[{0}] : z{1}[{0}];\n",
        width, index, high, low, width - 1, index + 1);
  }
  body += fmt::format("  assign value[{}] = k{};\n", bits, index);
  design.verilog = registered(design.module(), bits, bits + 1, body);
  return design;
}

Design kogge_stone_adder(int bits) {
  check_size("Kogge-Stone adder", bits, 2, 256);
  Design design{fmt::format("kogge-stone-adder-{}", bits), {}, false};
  std::string body =
      fmt::format("  wire [{0}:0] g0 = ra & rb; wire [{0}:0] p0 = ra ^ rb;\n", bits - 1);
  int level = 0;
  for (int step = 1; step < bits; step *= 2, ++level) {
    body += fmt::format(
        "  wire [{0}:0] g{1} = g{2} | (p{2} & (g{2} << {3}));\n"
        "  wire [{0}:0] p{1} = p{2} & (p{2} << {3});\n",
        bits - 1, level + 1, level, step);
  }
  body += fmt::format("  assign value = {{1'b0, p0}} ^ {{g{}, 1'b0}};\n", level);
  design.verilog = registered(design.module(), bits, bits + 1, body);
  return design;
}

}  // namespace betimes::systems::preroutgnn
