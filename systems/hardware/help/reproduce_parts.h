#pragma once

#include <string>
#include <vector>

#include "betimes/system/study.h"
#include "systems/hardware/help/train_meta.h"

namespace betimes::systems::help {

/// The published weights through this inference, before anything is trained.
void check_published(system::Study& study);
/// All methods side by side on FBNet's space; in the quick form a few episodes, on synthetic
/// devices where the tables aren't.
void compare_fbnet(system::Study& study);
/// The same code on NAS-Bench-201's graphs.
void compare_nasbench(system::Study& study);

/// One method that was trained with one seed.
struct Run {
  Method method;
  uint64_t seed = 1;
  MetaTrained trained;
  std::vector<double> episodes, unseen;  // the curve: mean rank correlation over unseen devices
  std::vector<Scored> last, best;  // of each unseen device: at the end, and the best checkpoint
  double mean_last() const;
  double mean_best() const;
  double peak() const;  // of the curve: what nobody could choose a checkpoint by
};

/// Every method with every seed, as many side by side as the study has threads, one thread each.
/// Runs are in the order of the methods, then of the seeds.
std::vector<Run> train_side_by_side(const system::Study& study, const Tables& tables,
                                    const std::vector<Method>& methods,
                                    const std::vector<uint64_t>& seeds, const MetaOptions& options);

/// Curves over episodes: mean over seeds, and from the least to the greatest of them.
system::Picture curves(const std::string& title, const std::vector<Run>& runs);
system::Table curve_table(const std::string& title, const std::vector<Run>& runs);

}  // namespace betimes::systems::help
