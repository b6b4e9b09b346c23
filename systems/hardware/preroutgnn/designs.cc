#include "systems/hardware/preroutgnn/designs.h"

#include <algorithm>
#include <utility>

#include "systems/hardware/preroutgnn/designs_parts.h"

namespace betimes::systems::preroutgnn {

std::string Design::module() const {
  std::string found = name;
  std::replace(found.begin(), found.end(), '-', '_');
  return found;
}

std::vector<Design> all_designs(bool quick, int scale) {
  check_size("scale", scale, 1, 4);
  std::vector<Design> training, test;
  if (quick) {
    training = {array_multiplier(5), crc(16, 0x8005, 8), barrel_shifter(16),
                random_logic(16, 150, 1)};
    test = {kogge_stone_adder(16), fifo(4, 8)};
  } else {
    // The test designs are of other kinds than the training ones, as deep and deeper.
    training = {array_multiplier(12 * scale),
                wallace_multiplier(12 * scale),
                ripple_adder(24 * scale, 6),
                carry_select_adder(64 * scale, 8),
                fir_filter(8 * scale, 12),
                xtea_rounds(scale),
                des_rounds(2 * scale),
                crc(32, 0x04c11db7, 64 * scale),
                bit_stuffer(8 * scale),
                fifo(16 * scale, 24),
                barrel_shifter(64 * scale),
                sorting_network(8, 12 * std::min(scale, 2)),
                random_logic(96 * scale, 1200 * scale, 7),
                alu(32 * scale)};
    test = {booth_multiplier(14 * scale),
            kogge_stone_adder(64 * scale),
            cic_filter(4, 28 * std::min(scale, 2)),
            salsa_quarter_rounds(scale),
            aes_round(scale),
            popcount(192 * scale),
            risc_core(8)};
  }
  for (Design& design : test) {
    design.test = true;
    training.push_back(std::move(design));
  }
  return training;
}

}  // namespace betimes::systems::preroutgnn
