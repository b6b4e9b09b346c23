#include "systems/search/mnasnet/named.h"

#include <fmt/format.h>

#include "betimes/base/error.h"

namespace betimes::systems::mnasnet {
namespace {

constexpr int feature_width = 1280;

/// Throws Error when a block's input isn't what the one before gives: the strings say both.
search::BlockNet imagenet(int stem, const std::vector<std::string>& blocks) {
  search::BlockNet net;
  net.channels = 3;
  net.resolution = 224;
  net.stem = stem;
  net.stem_stride = 2;
  net.head = feature_width;
  net.classes = 1000;
  int width = stem;
  for (const std::string& text : blocks) {
    int in = 0;
    net.blocks.push_back(search::parse_block(text, in));
    if (in != width) {
      throw Error("block '" + text + "'", fmt::format("follows a width of {}", width));
    }
    width = net.blocks.back().width;
  }
  return net;
}

}  // namespace

std::vector<NamedNet> named_nets() {
  // A1: the paper's table 1. B1: its code's page. Small: pytorch-image-models' table of results;
  // its first block is written with an input of 16, but follows a stem of 8.
  return {
      {"a1",
       imagenet(32, {"r1_k3_s11_e1_i32_o16_noskip", "r2_k3_s22_e6_i16_o24",
                     "r3_k5_s22_e3_i24_o40_se0.25", "r4_k3_s22_e6_i40_o80",
                     "r2_k3_s11_e6_i80_o112_se0.25", "r3_k5_s22_e6_i112_o160_se0.25",
                     "r1_k3_s11_e6_i160_o320"}),
       3.9, 312, std::nullopt},
      {"b1",
       imagenet(32, {"r1_k3_s11_e1_i32_o16_noskip", "r3_k3_s22_e3_i16_o24", "r3_k5_s22_e3_i24_o40",
                     "r3_k5_s22_e6_i40_o80", "r2_k3_s11_e6_i80_o96", "r4_k5_s22_e6_i96_o192",
                     "r1_k3_s11_e6_i192_o320_noskip"}),
       4.4, 315, 4'383'312},
      {"small",
       imagenet(8, {"r1_k3_s11_e1_i8_o8", "r1_k3_s22_e3_i8_o16", "r2_k3_s22_e6_i16_o16",
                    "r4_k5_s22_e6_i16_o32_se0.25", "r3_k3_s11_e6_i32_o32_se0.25",
                    "r3_k5_s22_e6_i32_o88_se0.25", "r1_k3_s11_e6_i88_o144"}),
       2.0, 0, std::nullopt},
  };
}

NamedNet named_net(const std::string& name) {
  for (NamedNet& net : named_nets()) {
    if (net.name == name) return std::move(net);
  }
  throw Error("network '" + name + "'", "isn't known", "a1, b1 or small");
}

}  // namespace betimes::systems::mnasnet
