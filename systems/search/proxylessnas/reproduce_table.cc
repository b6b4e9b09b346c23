#include <fmt/format.h>

#include <algorithm>

#include "systems/search/proxylessnas/reproduce_parts.h"

namespace betimes::systems::proxylessnas {

OwnTable check_table(system::Study& study, const Space& space) {
  study.progress(0.05, "timing operators and networks");
  search::TimingOptions timing;
  timing.seconds = study.quick() ? 1 : 30;
  timing.rounds = study.quick() ? 15 : 150;
  timing.seed = study.seed();
  OwnTable own;
  own.table = search::measure_table(space.all_layers(), timing);
  Random random(study.seed());
  const size_t calibrated = study.quick() ? 5 : 20, tested = study.quick() ? 5 : 20;
  std::vector<search::BlockNet> nets;
  std::vector<double> sums;
  while (nets.size() < calibrated + tested) {
    nets.push_back(space.net(space.random(random)));
    sums.push_back(own.table.sum(nets.back()));
  }
  std::vector<double> measured;
  for (const search::Timing& time : search::time_nets(nets, timing)) measured.push_back(time.ms);
  const auto cut = static_cast<int64_t>(calibrated);
  const auto first = [&](const std::vector<double>& all) {
    return std::vector<double>(all.begin(), all.begin() + cut);
  };
  const auto rest = [&](const std::vector<double>& all) {
    return std::vector<double>(all.begin() + cut, all.end());
  };
  own.calibration = search::fit_affine(first(sums), first(measured));
  std::vector<double> predicted;
  for (const double sum : sums) predicted.push_back(own.calibration(sum));
  system::Estimate error;
  error.value = 100 * search::mean_relative_error(rest(predicted), rest(measured));
  error.samples = static_cast<int64_t>(tested);
  error.note = fmt::format("{:.1f} % before the affine fit ({:.3f} ms + {:.3f} x sum, {} networks)",
                           100 * search::mean_relative_error(rest(sums), rest(measured)),
                           own.calibration.offset, own.calibration.slope, calibrated);
  study.evidence("table-error", error);
  study.picture({"Sum of a table against whole networks",
                 "predicted, ms",
                 "measured, ms",
                 false,
                 false,
                 {{"calibration", first(predicted), first(measured), {}, {}, false},
                  {"test", rest(predicted), rest(measured), {}, {}, false}}});
  return own;
}

}  // namespace betimes::systems::proxylessnas
