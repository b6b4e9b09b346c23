#include <fmt/format.h>

#include "systems/hardware/preroutgnn/designs.h"
#include "systems/hardware/preroutgnn/designs_parts.h"

namespace betimes::systems::preroutgnn {
namespace {

int bits_for(int count) {
  int bits = 1;
  while ((1 << bits) < count) ++bits;
  return bits;
}

}  // namespace

Design bit_stuffer(int lanes) {
  check_size("bit stuffer's lanes", lanes, 1, 32);
  Design design{fmt::format("bit-stuffer-{}", lanes), {}, false};
  std::string text = fmt::format(
      "module {0}_lane(clk, rst, load, data, line, busy, crc);\n"
      "  input clk, rst, load; input [31:0] data; output reg line; output busy;\n"
      "  output reg [15:0] crc;\n"
      "  reg [31:0] left; reg [5:0] count; reg [2:0] ones; reg tail;\n"
      "  wire stuff = ones == 3'd6; wire next = left[0]; wire sent = stuff ? 1'b0 : next;\n"
      "  wire mixed = crc[15] ^ next; assign busy = count != 0;\n"
      "  always @(posedge clk) if (rst) begin\n"
      "    left <= 0; count <= 0; ones <= 0; line <= 1; crc <= 16'hffff; tail <= 0; end\n"
      "  else if (load & ~busy) begin left <= data; count <= 6'd32; crc <= 16'hffff; tail <= 0; "
      "end\n"
      "  else if (busy) begin\n"
      "    line <= sent ? line : ~line; ones <= sent ? ones + 1 : 0;\n"
      "    if (~stuff) begin\n"
      "      if (~tail) crc <= {{crc[14:0], 1'b0}} ^ (mixed ? 16'h8005 : 16'h0000);\n"
      "      if (count == 1 & ~tail) begin left <= {{16'h0, ~crc}}; count <= 6'd16; tail <= 1; "
      "end\n"
      "      else begin left <= left >> 1; count <= count - 1; end\n"
      "    end\n  end\nendmodule\n"
      "module {0}(clk, rst, load, data, line, busy, crc);\n"
      "  input clk, rst; input [{1}:0] load; input [31:0] data; output [{1}:0] line, busy;\n"
      "  output [15:0] crc;\n",
      design.module(), lanes - 1);
  std::string fold;
  for (int lane = 0; lane < lanes; ++lane) {
    text += fmt::format(
        "  wire [15:0] c{1};\n  {0}_lane u{1}(clk, rst, load[{1}], {{data[{2}:0], data[31:{3}]}}, "
        "line[{1}], busy[{1}], c{1});\n",
        design.module(), lane, lane % 31, lane % 31 + 1);
    fold += fmt::format("{}c{}", lane == 0 ? "" : " ^ ", lane);
  }
  design.verilog = text + fmt::format("  assign crc = {};\nendmodule\n", fold);
  return design;
}

Design fifo(int words, int bits) {
  check_size("FIFO's words", words, 4, 256);
  check_size("FIFO", bits, 1, 64);
  Design design{fmt::format("fifo-{}x{}", words, bits), {}, false};
  const int address = bits_for(words);
  design.verilog = fmt::format(
      "module {0}(clk, rst, push, pop, d, q, full, empty, level);\n"
      "  input clk, rst, push, pop; input [{1}:0] d; output reg [{1}:0] q; output full, empty;\n"
      "  output [{2}:0] level; reg [{1}:0] store [0:{3}]; reg [{2}:0] head, tail;\n"
      "  assign level = head - tail; assign empty = level == 0; assign full = level == {4};\n"
      "  wire write = push & ~full; wire read = pop & ~empty;\n"
      "  always @(posedge clk) begin\n"
      "    if (write) store[head[{5}:0]] <= d;\n"
      "    if (read) q <= store[tail[{5}:0]];\n"
      "    if (rst) begin head <= 0; tail <= 0; end\n"
      "    else begin if (write) head <= head + 1; if (read) tail <= tail + 1; end\n"
      "  end\nendmodule\n",
      design.module(), bits - 1, address, (1 << address) - 1, 1 << address, address - 1);
  return design;
}

Design barrel_shifter(int bits) {
  check_size("barrel shifter", bits, 4, 256);
  Design design{fmt::format("barrel-shifter-{}", bits), {}, false};
  design.verilog = fmt::format(
      "module {0}(clk, x, by, left, turn, signed_, y);\n"
      "  input clk, left, turn, signed_; input [{1}:0] x; input [{2}:0] by; output reg [{1}:0] y;\n"
      "  reg [{1}:0] r; reg [{2}:0] n; reg l, t, s;\n"
      "  wire [{3}:0] twice = {{(t ? r : {{{4}{{s & r[{1}]}}}}), r}} >> n;\n"
      "  wire [{3}:0] up = {{r, (t ? r : {4}'d0)}} << n;\n"
      "  always @(posedge clk) begin r <= x; n <= by; l <= left; t <= turn; s <= signed_;\n"
      "    y <= l ? up[{3}:{4}] : twice[{1}:0]; end\nendmodule\n",
      design.module(), bits - 1, bits_for(bits) - 1, 2 * bits - 1, bits);
  return design;
}

Design alu(int bits) {
  check_size("ALU", bits, 4, 128);
  Design design{fmt::format("alu-{}", bits), {}, false};
  design.verilog = fmt::format(
      "module {0}(clk, a, b, op, y, zero, carry, over);\n"
      "  input clk; input [{1}:0] a, b; input [3:0] op; output reg [{1}:0] y;\n"
      "  output reg zero, carry, over; reg [{1}:0] ra, rb; reg [3:0] ro;\n"
      "  wire minus = ro[0]; wire [{1}:0] other = minus ? ~rb : rb;\n"
      "  wire [{2}:0] sum = {{1'b0, ra}} + {{1'b0, other}} + minus;\n"
      "  wire ov = (ra[{1}] == other[{1}]) & (sum[{1}] != ra[{1}]);\n"
      "  reg [{1}:0] v;\n  always @* case (ro)\n"
      "    4'd0, 4'd1: v = sum[{1}:0];\n    4'd2: v = ra & rb;\n    4'd3: v = ra | rb;\n"
      "    4'd4: v = ra ^ rb;\n    4'd5: v = {{{1}'d0, sum[{1}] ^ ov}};\n"
      "    4'd6: v = ra << rb[{3}:0];\n    4'd7: v = {{{1}'d0, ~sum[{2}]}};\n"
      "    4'd8: v = ra >> rb[{3}:0];\n    4'd9: v = $signed(ra) >>> rb[{3}:0];\n"
      "    4'd10: v = ~(ra | rb);\n    4'd11: v = ra & ~rb;\n"
      "    4'd12: v = ra * rb[3:0];\n    default: v = rb;\n  endcase\n"
      "  always @(posedge clk) begin ra <= a; rb <= b; ro <= op; y <= v; zero <= v == 0;\n"
      "    carry <= sum[{2}]; over <= ov; end\nendmodule\n",
      design.module(), bits - 1, bits, bits_for(bits) - 1);
  return design;
}

Design risc_core(int registers) {
  if (registers != 4 && registers != 8 && registers != 16) {
    throw Error("RISC core's registers", fmt::format("are {}", registers), "4, 8 or 16");
  }
  Design design{fmt::format("risc-{}", registers), {}, false};
  design.verilog = fmt::format(
      R"(module {0}(clk, rst, instruction, ready, load, pc, address, store, write, read);
  input clk, rst, ready; input [31:0] instruction, load;
  output reg [31:0] pc; output reg [31:0] address, store; output reg write, read;
  reg [31:0] file [0:{1}];
  reg [31:0] word, a, b, result; reg [2:0] state; reg taken; reg [31:0] target;
  wire [6:0] opcode = word[6:0]; wire [2:0] kind = word[14:12];
  wire is_lui = opcode == 7'b0110111; wire is_auipc = opcode == 7'b0010111;
  wire is_jal = opcode == 7'b1101111; wire is_jalr = opcode == 7'b1100111;
  wire is_branch = opcode == 7'b1100011; wire is_load = opcode == 7'b0000011;
  wire is_store = opcode == 7'b0100011; wire is_immediate = opcode == 7'b0010011;
  wire is_register = opcode == 7'b0110011;
  wire [31:0] imm_i = {{{{20{{word[31]}}}}, word[31:20]}};
  wire [31:0] imm_s = {{{{20{{word[31]}}}}, word[31:25], word[11:7]}};
  wire [31:0] imm_b = {{{{20{{word[31]}}}}, word[7], word[30:25], word[11:8], 1'b0}};
  wire [31:0] imm_u = {{word[31:12], 12'b0}};
  wire [31:0] imm_j = {{{{12{{word[31]}}}}, word[19:12], word[20], word[30:21], 1'b0}};
  wire [{2}:0] rd = word[{3}:7]; wire [{2}:0] rs1 = word[{4}:15]; wire [{2}:0] rs2 = word[{5}:20];
  wire [31:0] second = is_register ? b : imm_i;
  wire minus = is_register & word[30];
  wire [31:0] sum = a + (minus ? ~second : second) + minus;
  wire less = $signed(a) < $signed(is_branch ? b : second);
  wire below = a < (is_branch ? b : second);
  wire [31:0] right = word[30] ? $signed(a) >>> second[4:0] : a >> second[4:0];
  reg [31:0] value;
  always @* case (kind)
    3'd0: value = sum;
    3'd1: value = a << second[4:0];
    3'd2: value = {{31'b0, less}};
    3'd3: value = {{31'b0, below}};
    3'd4: value = a ^ second;
    3'd5: value = right;
    3'd6: value = a | second;
    default: value = a & second;
  endcase
  wire meets = (kind[2] ? (kind[1] ? below : less) : a == b) ^ kind[0];
  wire writes = is_lui | is_auipc | is_jal | is_jalr | is_load | is_immediate | is_register;
  always @(posedge clk) if (rst) begin
    pc <= 0; state <= 0; write <= 0; read <= 0; taken <= 0;
  end else case (state)
    3'd0: if (ready) begin word <= instruction; state <= 1; end
    3'd1: begin
      a <= rs1 == 0 ? 0 : file[rs1]; b <= rs2 == 0 ? 0 : file[rs2]; state <= 2;
    end
    3'd2: begin
      result <= is_lui ? imm_u : is_auipc ? pc + imm_u : (is_jal | is_jalr) ? pc + 4 : value;
      target <= is_jalr ? {{sum[31:1], 1'b0}} : pc + (is_jal ? imm_j : imm_b);
      taken <= is_jal | is_jalr | (is_branch & meets);
      address <= a + (is_store ? imm_s : imm_i); store <= b; write <= is_store; read <= is_load;
      state <= (is_load | is_store) ? 3 : 4;
    end
    3'd3: if (ready) begin
      write <= 0; read <= 0; state <= 4; if (is_load) result <= load;
    end
    default: begin
      if (writes) file[rd] <= result;
      pc <= taken ? target : pc + 4; state <= 0;
    end
  endcase
endmodule
)",
      design.module(), registers - 1, bits_for(registers) - 1, 6 + bits_for(registers),
      14 + bits_for(registers), 19 + bits_for(registers));
  return design;
}

}  // namespace betimes::systems::preroutgnn
