#include "betimes/system/system.h"

#include "systems/series/common/detectors.h"
#include "systems/series/pate/evaluation.h"
#include "systems/series/pate/pate.h"

namespace betimes::system {
namespace {

std::vector<Claim> claims() {
  return {
      {.id = "golden",
       .text = "The ten scenarios have the values worked out with another implementation",
       .paper = "S2: PATE 0.76, PATE-F1 0.75",
       .how = "largest difference over ten scenarios, PATE and PATE-F1, buffers of 20",
       .direction = Direction::at_most,
       .bound = 5e-5,
       .unit = "",
       .in_quick = true},
      {.id = "public",
       .text = "Detectors' results on NAB have the values of the public implementation",
       .paper = "",
       .how = "largest difference over 6 series x 4 settings, PATE and PATE-F1",
       .direction = Direction::at_most,
       .bound = 1e-9,
       .unit = "",
       .in_quick = true},
      {.id = "exact",
       .text = "The incremental evaluation gives what the definition gives",
       .paper = "",
       .how = "largest difference over 1,000 random cases (quick: 200)",
       .direction = Direction::at_most,
       .bound = 1e-9,
       .unit = "",
       .in_quick = true},
      {.id = "ordering",
       .text =
           "PATE orders the scenarios as intended: S3 > S9 > S10 > S6, S7 > S8, S2 > S4 > S5 > S1",
       .paper = "the order of its Figure with S1 to S10",
       .how = "pairs out of order, of 43 (S6 with S7 and S8 with S2 may stand either way)",
       .direction = Direction::at_most,
       .bound = 0,
       .unit = "pairs",
       .in_quick = true},
      {.id = "rivals",
       .text = "Rival metrics don't see whether the alarm was early or late, or caught the onset",
       .paper = "F1, point-adjusted F1, range-based F1 and others tie or invert",
       .how = "metrics of nine that tie or invert S2 against S4 or S7 against S8",
       .direction = Direction::at_least,
       .bound = 3,
       .unit = "metrics",
       .in_quick = true},
      {.id = "adjusted",
       .text = "Point-adjusted F1 doesn't tell random scores from real detectors",
       .paper = "random scores rank with the best",
       .how = "share of series where random scores reach 0.8 of the best real detector's",
       .direction = Direction::at_least,
       .bound = 0.5,
       .unit = "",
       .in_quick = true},
      {.id = "separates",
       .text = "PATE does tell them apart",
       .paper = "random scores rank last",
       .how = "share of series where random scores stay within 0.5 of the best real detector's",
       .direction = Direction::at_least,
       .bound = 0.5,
       .unit = "",
       .in_quick = true},
      {.id = "cost",
       .text = "Incremental evaluation is much faster than evaluation by the definition",
       .paper = "",
       .how = "all thresholds, 4 pairs of buffers, 100,000 points: least ratio of times over "
              "anomaly ratios 0.02, 0.05, 0.1",
       .direction = Direction::at_least,
       .bound = 20,
       .unit = "x",
       .in_quick = false},
  };
}

}  // namespace

System pate_system() {
  System system;
  system.slug = "pate";
  system.title = "PATE: scores anomaly detectors with credit for alarms near the true interval";
  system.domain = "series";
  system.families = {Family::judge};
  system.summary =
      "an area under precision and recall whose weights fall with the distance in time";
  system.paper = {"PATE: Proximity-Aware Time series anomaly Evaluation", "May 2024", "KDD 2024",
                  "Raminghorbanii/PATE"};
  system.knobs = systems::pate::evaluation_knobs();
  system.claims = claims();
  system.open = systems::pate::open_evaluation;
  system.series_metrics = systems::pate::metrics;
  system.detectors = [] { return systems::series::detectors(); };
  return system;
}

}  // namespace betimes::system
