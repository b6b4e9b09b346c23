#include <fmt/format.h>

#include "betimes/base/random.h"
#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/designs_parts.h"

namespace betimes::systems::preroutgnn {

Design fir_filter(int taps, int bits) {
  check_size("FIR filter's taps", taps, 2, 64);
  check_size("FIR filter", bits, 4, 32);
  Design design{fmt::format("fir-{}x{}", taps, bits), {}, false};
  const int out = 2 * bits;
  std::string text =
      fmt::format("module {0}(clk, x, y);\n  input clk; input [{1}:0] x; output reg [{2}:0] y;\n",
                  design.module(), bits - 1, out - 1);
  std::string shift, sum;
  for (int t = 0; t < taps; ++t) {
    text += fmt::format("  reg [{}:0] d{};\n", bits - 1, t);
    shift += fmt::format(" d{} <= {};", t, t == 0 ? "x" : fmt::format("d{}", t - 1));
    // A symmetric bump of odd constants, so that each product takes a few additions.
    const int far = t < taps / 2 ? t : taps - 1 - t;
    sum +=
        fmt::format("{}({}'d{} * d{})", t == 0 ? "" : " + ", out, 4 * far * far + 6 * far + 3, t);
  }
  text += fmt::format("  always @(posedge clk) begin{} y <= {}; end\nendmodule\n", shift, sum);
  design.verilog = std::move(text);
  return design;
}

Design cic_filter(int stages, int bits) {
  check_size("CIC filter's stages", stages, 1, 8);
  check_size("CIC filter", bits, 4, 64);
  Design design{fmt::format("cic-{}x{}", stages, bits), {}, false};
  std::string text = fmt::format(
      "module {0}(clk, rst, x, y, valid);\n"
      "  input clk, rst; input [{1}:0] x; output reg [{1}:0] y; output reg valid;\n"
      "  reg [3:0] count;\n",
      design.module(), bits - 1);
  std::string clear, integrate, comb;
  for (int s = 0; s < stages; ++s) {
    text += fmt::format("  reg [{0}:0] i{1}, c{1};\n", bits - 1, s);
    clear += fmt::format(" i{0} <= 0; c{0} <= 0;", s);
    // Without registers between stages, so that sums chain.
    text += fmt::format("  wire [{0}:0] n{1} = i{1} + {2};\n", bits - 1, s,
                        s == 0 ? "x" : fmt::format("n{}", s - 1));
    integrate += fmt::format(" i{0} <= n{0};", s);
  }
  for (int s = 0; s < stages; ++s) {
    const std::string from = s == 0 ? fmt::format("n{}", stages - 1) : fmt::format("e{}", s - 1);
    text += fmt::format("  wire [{0}:0] e{1} = {2} - c{1};\n", bits - 1, s, from);
    comb += fmt::format(" c{} <= {};", s, from);
  }
  text += fmt::format(
      "  always @(posedge clk) if (rst) begin count <= 0; valid <= 0; y <= 0;{} end else begin\n"
      "   {} count <= count + 1; valid <= count == 4'd15;\n"
      "    if (count == 4'd15) begin{} y <= e{}; end end\nendmodule\n",
      clear, integrate, comb, stages - 1);
  design.verilog = std::move(text);
  return design;
}

Design popcount(int bits) {
  check_size("popcount", bits, 8, 1024);
  Design design{fmt::format("popcount-{}", bits), {}, false};
  std::string sum;
  for (int i = 0; i < bits; ++i) sum += fmt::format("{}r[{}]", i == 0 ? "" : " + ", i);
  int out = 1;
  while ((1 << out) <= bits) ++out;
  design.verilog = fmt::format(
      "module {0}(clk, x, y, most);\n"
      "  input clk; input [{1}:0] x; output reg [{2}:0] y; output reg most;\n"
      "  reg [{1}:0] r; wire [{2}:0] n = {3};\n"
      "  always @(posedge clk) begin r <= x; y <= n; most <= n > {4}; end\nendmodule\n",
      design.module(), bits - 1, out - 1, sum, bits / 2);
  return design;
}

Design sorting_network(int words, int bits) {
  check_size("sorting network's words", words, 2, 64);
  check_size("sorting network", bits, 1, 32);
  Design design{fmt::format("sorter-{}x{}", words, bits), {}, false};
  std::string text = fmt::format(
      "module {0}(clk, x, y);\n  input clk; input [{1}:0] x; output reg [{1}:0] y;\n"
      "  reg [{1}:0] r;\n",
      design.module(), words * bits - 1);
  std::vector<std::string> at;
  for (int i = 0; i < words; ++i) {
    at.push_back(fmt::format("w{}", i));
    text += fmt::format("  wire [{0}:0] w{1} = r[{2}:{3}];\n", bits - 1, i, (i + 1) * bits - 1,
                        i * bits);
  }
  int made = 0;
  // Odd-even transposition, a register in the middle.
  for (int layer = 0; layer < words; ++layer) {
    for (int i = layer % 2; i + 1 < words; i += 2) {
      const std::string low = fmt::format("l{}", made), high = fmt::format("h{}", made);
      std::string &a = at[static_cast<size_t>(i)], &b = at[static_cast<size_t>(i + 1)];
      text += fmt::format(
          "  wire k{0} = {1} < {2};\n  wire [{3}:0] {4} = k{0} ? {1} : {2};\n"
          "  wire [{3}:0] {5} = k{0} ? {2} : {1};\n",
          made, a, b, bits - 1, low, high);
      ++made;
      a = low;
      b = high;
    }
    if (layer + 1 != words / 2) continue;
    for (int i = 0; i < words; ++i) {
      std::string& word = at[static_cast<size_t>(i)];
      text += fmt::format("  reg [{0}:0] m{1};\n  always @(posedge clk) m{1} <= {2};\n", bits - 1,
                          i, word);
      word = fmt::format("m{}", i);
    }
  }
  std::string all;
  for (int i = words; i-- > 0;) all += (all.empty() ? "" : ", ") + at[static_cast<size_t>(i)];
  text += fmt::format("  always @(posedge clk) begin r <= x; y <= {{{}}}; end\nendmodule\n", all);
  design.verilog = std::move(text);
  return design;
}

Design random_logic(int inputs, int gates, uint64_t seed) {
  check_size("random logic's inputs", inputs, 4, 1024);
  check_size("random logic's gates", gates, 8, 20000);
  Design design{fmt::format("random-logic-{}", gates), {}, false};
  Random random(seed);
  std::string text = fmt::format(
      "module {0}(clk, x, y);\n  input clk; input [{1}:0] x; output reg [{1}:0] y;\n"
      "  reg [{1}:0] r;\n",
      design.module(), inputs - 1);
  static const char* const forms[] = {"{0} & {1}",         "{0} | {1}",       "{0} ^ {1}",
                                      "~{0} & {1}",        "{2} ? {0} : {1}", "({0} & {1}) | {2}",
                                      "({0} ^ {1}) & ~{2}"};
  const auto name = [&](int index) {
    return index < inputs ? fmt::format("r[{}]", index) : fmt::format("g{}", index - inputs);
  };
  const auto any = [&](int count) {
    // Mostly from the youngest, which makes cones deep.
    const auto back = static_cast<uint64_t>(random.below(3) == 0 ? count : std::min(count, inputs));
    return name(count - 1 - static_cast<int>(random.below(back)));
  };
  for (int g = 0; g < gates; ++g) {
    const int count = inputs + g;
    const std::string form = forms[random.below(std::size(forms))];
    const std::string a = any(count), b = any(count), c = any(count);
    text += fmt::format("  wire g{} = {};\n", g, fmt::format(fmt::runtime(form), a, b, c));
  }
  std::string all;
  for (int i = 0; i < inputs; ++i) {
    // Each output folds some gates, so that little is left unread.
    std::string fold;
    for (int g = i; g < gates; g += inputs)
      fold += fmt::format("{}g{}", fold.empty() ? "" : " ^ ", g);
    all = (fold.empty() ? std::string("1'b0") : fold) + (all.empty() ? "" : ", ") + all;
  }
  text += fmt::format("  always @(posedge clk) begin r <= x; y <= {{{}}}; end\nendmodule\n", all);
  design.verilog = std::move(text);
  return design;
}

}  // namespace betimes::systems::preroutgnn
