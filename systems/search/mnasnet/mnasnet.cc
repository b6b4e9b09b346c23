#include "betimes/system/system.h"
#include "systems/search/common/found_net.h"

namespace betimes::system {
namespace {

using enum Direction;

std::vector<Claim> mnasnet_claims() {
  return {
      {"imagenet", "1.8 times as fast as MobileNetV2 with 0.5 % higher accuracy on a Pixel phone.",
       "75.2 % at 78 ms", "speed-up on the phone at that accuracy", at_least, 1.8, "x", false},
      {"named-sizes", "The networks found have the published sizes.",
       "A1 3.9 M and 312 M MACs, B1 4.4 M and 315 M MACs",
       "largest deviation of parameters and MACs of A1, B1 and Small, as built here", at_most, 2,
       "%", true},
      {"soft-over-random", "Learning from the reward finds better networks than sampling alone.",
       "",
       "accuracy within 25 ms above random search's, the least over two spaces and two sizes "
       "(published predictor and phone tables, soft reward)",
       at_least, 0, "points", true},
      {"soft-over-random-free",
       "Learning from the reward finds better networks than sampling alone.", "",
       "the same in the free space with all samples", at_least, 0.3, "points", false},
      {"never-below-random", "One of the two rewards serves every target.", "",
       "accuracy of the better reward less random search's, the least over spaces, sizes, 25 and "
       "35 ms",
       at_least, -0.1, "points", true},
      {"latency-over-flops", "Measured latency is the better guide than a count of operations.", "",
       "accuracy within 25 and 35 ms above the same controller's with MACs in its reward, the "
       "least",
       at_least, 0, "points", true},
      {"soft-explores-wider",
       "The soft reward explores a wider range of latencies than the hard one.", "figure 6",
       "spread of log latency in the second half of the search, soft over hard, "
       "factorised space, 25 ms",
       at_least, 1, "x", true},
      {"factorised-over-cell", "Blocks that differ beat one block repeated.", "table 5",
       "accuracy within 25 ms of the factorised space above the cell-like one, soft reward, all "
       "samples",
       at_least, 0, "points", true},
      {"factorised-over-free", "Layers alike within a block are found sooner than free ones.", "",
       "accuracy within 25 ms of the factorised space above the free one, soft reward, all samples",
       at_least, 0, "points", true},
      {"regret-random", "Learning from the reward finds better networks than sampling alone.", "",
       "NAS-Bench-201, 300 samples, three devices: regret to the true best within the median "
       "latency, "
       "random search less soft reward",
       at_least, 0, "points", true},
      {"regret-flops", "Measured latency is the better guide than a count of operations.", "",
       "the same regret, soft reward on MACs less soft reward on latency", at_least, 0, "points",
       true},
      {"devices-differ", "What is best hangs on the device.", "",
       "different best cells on three devices (NAS-Bench-201)", at_least, 2, "cells", true},
      {"own-faster", "A found network is faster than a hand-made one of equal accuracy.", "1.8 x",
       "latency of a MobileNetV2-like network over that of a found one, whose accuracy is not more "
       "than "
       "0.5 points lower (Fashion-MNIST, this CPU)",
       at_least, 1.25, "x", false},
      {"proxy-ranks", "A short training ranks networks as a long one does.", "",
       "rank correlation of accuracy after one epoch and after six, eight networks", at_least, 0.5,
       "", false}};
}

}  // namespace

System mnasnet_system() {
  System system;
  system.slug = "mnasnet";
  system.title = "Architecture search whose reward multiplies accuracy by measured latency";
  system.domain = "search";
  system.families = {Family::fit};
  system.summary = "a controller writes networks, the device times them, the reward weighs both";
  system.paper = {"MnasNet: Platform-Aware Neural Architecture Search for Mobile", "July 2018",
                  "CVPR 2019", "tensorflow/tpu"};
  system.knobs = systems::search::found_net_knobs();
  system.claims = mnasnet_claims();
  system.open = [](const OpenOptions& options) {
    return systems::search::open_found_net("mnasnet", options);
  };
  return system;
}

}  // namespace betimes::system
