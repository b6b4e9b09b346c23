#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace betimes::systems::preroutgnn {

/// A design as register-transfer Verilog, written by this project. The module has the design's
/// name, with underscores for hyphens; registers are clocked by the rising edge of `clk`.
struct Design {
  std::string name, verilog;
  bool test = false;  // not for training

  std::string module() const;
};

// One module each. Sizes in bits unless named otherwise. Throw Error for sizes that make no sense.
Design array_multiplier(int bits);
Design booth_multiplier(int bits);    // radix 4, an even number of bits, signed
Design wallace_multiplier(int bits);  // carry-save tree
Design ripple_adder(int bits, int operands);
Design carry_select_adder(int bits, int block);
Design kogge_stone_adder(int bits);
Design fir_filter(int taps, int bits);
Design cic_filter(int stages, int bits);
Design xtea_rounds(int rounds);  // unrolled between registers
Design salsa_quarter_rounds(int count);
Design aes_round(int columns);  // SubBytes, ShiftRows, MixColumns and AddRoundKey of 1 to 4 columns
Design des_rounds(int rounds);  // DES-like: Feistel, with substitution boxes drawn from a seed
Design crc(int width, uint32_t polynomial, int data);
Design bit_stuffer(int lanes);  // USB-like: CRC16 and a zero after six ones, per lane
Design fifo(int words, int bits);
Design barrel_shifter(int bits);
Design alu(int bits);
Design risc_core(int registers);  // RV32I without memory access beyond words; 4, 8 or 16 registers
Design popcount(int bits);
Design sorting_network(int words, int bits);
Design random_logic(int inputs, int gates, uint64_t seed);

/// The 14 training designs and 7 test designs; `quick`: four and two small ones. `scale` from 1
/// multiplies what can grow: 2 or 3 give up to 30,000 pins.
std::vector<Design> all_designs(bool quick, int scale = 1);

/// Value of the AES substitution box: the inverse in GF(2^8), then the affine map (FIPS
/// 197, 5.1.1).
uint8_t aes_substitute(uint8_t value);

}  // namespace betimes::systems::preroutgnn
