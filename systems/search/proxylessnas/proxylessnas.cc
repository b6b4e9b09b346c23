#include "betimes/system/system.h"
#include "systems/search/common/found_net.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> proxylessnas_claims() {
  return {{"imagenet", "A network searched for a GPU beats MobileNetV2 there.",
           "75.1 % at 5.1 ms against 72.0 % at 6.1 ms", "speed-up on a GPU at higher accuracy",
           at_least, 1.2, "x", false},
          {"memory-two-path", "The search takes the memory of one ordinary network.", "one path",
           "peak memory of an architecture step with two paths over a weight step of one", at_most,
           1.3, "x", true},
          {"memory-mixture", "A mixture of all paths takes many times that.", "",
           "peak memory of a step that mixes all candidates over a weight step of one", at_least, 3,
           "x", true},
          {"beats-uniform", "A searched network is more accurate than a uniform one as fast.",
           "3.1 points",
           "test accuracy above the uniform network whose width makes it as slow (Fashion-MNIST)",
           at_least, 0.5, "points", false},
          {"beats-random", "A searched network is more accurate than random ones as fast.", "",
           "test accuracy above random architectures of equal table latency", at_least, 0.5,
           "points", false},
          {"equal-and-faster", "A searched network is as accurate as the uniform one and faster.",
           "1.2 x",
           "latency of the uniform k3 e6 network over the searched one's; 0 where that is over 0.5 "
           "points "
           "less accurate",
           at_least, 1.15, "x", false},
          {"entropy-falls", "The architecture becomes certain during the search.", "",
           "entropy of the candidates' probabilities at the end over that at the beginning",
           at_most, 0.95, "", true},
          {"device-specific", "Networks searched for one device aren't the best on another.",
           "table 4 of the paper",
           "of two searches, with this CPU's table and a Pixel's, how many give the network that "
           "is faster on "
           "its own table",
           at_least, 2, "searches", false},
          {"table-error", "A network takes the sum of its blocks' times.", "0.75 ms of about 80",
           "mean error of the calibrated sum on networks that it wasn't calibrated on", at_most, 10,
           "%", true}};
}

}  // namespace

System proxylessnas_system() {
  System system;
  system.slug = "proxylessnas";
  system.title = "Architecture search by gradient, one sampled path at a time";
  system.domain = "search";
  system.families = {Family::fit, Family::know};
  system.summary = "learns each layer's operator, with expected latency from a table in the loss";
  system.paper = {"ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
                  "December 2018", "ICLR 2019", "mit-han-lab/proxylessnas"};
  system.knobs = systems::search::found_net_knobs();
  system.claims = proxylessnas_claims();
  system.open = [](const OpenOptions& options) {
    return systems::search::open_found_net("proxylessnas", options);
  };
  return system;
}

}  // namespace betimes::system
