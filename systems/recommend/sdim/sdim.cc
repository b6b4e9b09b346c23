#include "betimes/system/system.h"
#include "systems/recommend/sdim/workload.h"

namespace betimes::system {

System sdim_system() {
  System system;
  system.slug = "sdim";
  system.title = "Target attention over very long histories by sampling hash buckets";
  system.domain = "recommend";
  system.families = {Family::reuse, Family::serve};
  system.summary = "scores candidates against any length of history at one price";
  system.paper = {
      "Sampling Is All You Need on Modeling Long-Term User Behaviors for CTR Prediction",
      "May 2022", "CIKM 2022", "reczoo/FuxiCTR"};
  system.knobs = systems::sdim::knob_space();
  system.claims = {
      {"collisions", "Sampling estimates an attention with a known angular kernel.", "",
       "largest relative deviation of the collision frequencies' error from sqrt(mean p (1 - p) / "
       "G)",
       Direction::at_most, 0.1, "", true},
      {"convergence", "More rounds only lower the variance.", "error ~ 1/sqrt(G)",
       "slope of the summed vector's error over rounds, log-log", Direction::at_most, -0.4, "",
       true},
      {"gap-recovered", "Accuracy is on par with target attention over the whole history.",
       "on par",
       "share of the AUC between attention to the last 50 and to all that SDIM recovers (longhist)",
       Direction::at_least, 0.8, "", false},
      {"near-full", "Accuracy is on par with target attention over the whole history.", "on par",
       "AUC below DIN-long's (longhist)", Direction::at_most, 0.005, "AUC", false},
      {"beats-mean", "Similarity to the candidate matters: averaging isn't enough.", "",
       "AUC above mean pooling's (longhist)", Direction::at_least, 0.005, "AUC", false},
      {"real-par", "On real sequences it is within noise of full attention.", "on par",
       "AUC below DIN-long's (Amazon video sequences, next item against random ones)",
       Direction::at_most, 0.01, "AUC", false},
      {"flat", "The scoring server's cost doesn't depend on the history's length.",
       "independent of L",
       "largest over smallest median of a request of 512 candidates, L from 64 to 16384",
       Direction::at_most, 1.2, "x", true},
      {"faster", "It is sizable times faster than full target attention.", "10 to 20 x (recalled)",
       "DIN-long over SDIM, median request of 512 candidates, L = 1024", Direction::at_least, 10,
       "x", true},
      {"holds-p99", "Published tables hold a latency objective where inline attention fails.", "",
       "share of requests within 4 x SDIM's idle median at an arrival rate of half its capacity, "
       "less that of inline attention",
       Direction::at_least, 0.5, "", true}};
  system.open = systems::sdim::open_workload;
  return system;
}

}  // namespace betimes::system
