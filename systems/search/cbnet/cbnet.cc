#include "betimes/system/system.h"
#include "systems/search/cbnet/workload.h"

namespace betimes::system {
namespace {

using enum Direction;

// The bounds are the specification's: 5 points on hard images, half a point overall, 1.5 x.
std::vector<Claim> cbnet_claims() {
  return {
      {"lifts-hard", "Converted, hard images become easy ones for the same small network.", "",
       "accuracy on hard test images of f(g(x)), prototype targets, less f(x)'s; hard: exit 1 not "
       "taken, or wrong",
       at_least, 5, "points", false},
      {"keeps-accuracy", "Accuracy is similar or higher than the early-exit network's.",
       "similar or higher",
       "accuracy of f(g(x)) less BranchyNet's with tau chosen on validation images", at_least, -0.5,
       "points", false},
      {"prototype-wins", "One easy image a class is the best target.", "",
       "accuracy of prototype targets less the better of random and nearest easy ones, f tuned",
       at_least, 0, "points", false},
      {"flat", "Every input costs the same.", "constant",
       "mean latency of f(g(x)) with 100 % hard inputs over that with none", at_most, 1.05, "x",
       true},
      {"branchy-rises", "An early-exit network becomes slower as inputs become harder.", "",
       "mean latency of BranchyNet with 100 % hard inputs over that with none", at_least, 1.1, "x",
       true},
      {"crosses", "Above some share of hard inputs the converter is the faster one.", "",
       "share of hard inputs from which f(g(x)) is faster than BranchyNet (101: none)", at_most,
       100, "%", true},
      {"over-lenet", "Faster than LeNet at similar accuracy.", "up to 4.8 x",
       "LeNet's latency over that of f(g(x)); 0 where its accuracy is more than 0.5 points lower",
       at_least, 1.5, "x", false},
      {"over-branchy", "Faster than BranchyNet at similar accuracy.", "up to 4.8 x",
       "BranchyNet's mean latency on the test images over that of f(g(x)); 0 where its accuracy is "
       "more than 0.5 points lower",
       at_least, 1.5, "x", false},
      {"over-wide-lenet", "The deeper network may be large: the converter's cost stays.", "",
       "LeNet with a trunk ten times as wide: its latency over that of f(g(x)) built on it; 0 "
       "where its accuracy is more than 0.5 points lower",
       at_least, 1.5, "x", false},
      {"over-wide-branchy", "The deeper network may be large: the converter's cost stays.", "",
       "the same for BranchyNet with that trunk", at_least, 1.5, "x", false},
      {"over-plain", "Converting is worth more than classifying at the same cost.", "",
       "accuracy of f(g(x)) less that of a plain network of equal latency, trained directly",
       at_least, 0, "points", false},
      {"over-pruned", "Compression at the same latency is less accurate.", "",
       "accuracy of f(g(x)) less that of a channel-pruned LeNet that isn't slower", at_least, 0,
       "points", false},
      {"fails-on-photographs",
       "Where images of a class differ too much, the converter's error is too large.", "",
       "accuracy of f(g(x)) less BranchyNet's on CIFAR-10 in grey, 28x28", at_most, -0.5, "points",
       false},
      {"energy", "Far less energy than LeNet and BranchyNet.", "79 % less",
       "energy of the package, LeNet's less that of f(g(x)), relative", at_least, 65, "%", false}};
}

}  // namespace

System cbnet_system() {
  System system;
  system.slug = "cbnet";
  system.title = "An autoencoder turns hard images into easy ones for one small network";
  system.domain = "search";
  system.families = {Family::fit, Family::adapt};
  system.summary = "converts every image to an easy one of its class, then classifies lightly";
  system.paper = {
      "A Converting Autoencoder Toward Low-latency and Energy-efficient DNN Inference at the Edge",
      "March 2024", "", ""};
  system.knobs = systems::cbnet::knobs();
  system.claims = cbnet_claims();
  system.open = systems::cbnet::open_cbnet;
  return system;
}

}  // namespace betimes::system
