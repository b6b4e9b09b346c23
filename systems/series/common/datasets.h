#pragma once

#include <string>
#include <vector>

#include "betimes/judge/detector.h"

/// Labelled series of public benchmarks, from folders as their projects lay them out, files plain
/// or gzip-compressed (<name>.gz beside or instead of <name>). Throw Error naming the file and the
/// line for what isn't so; nothing is read outside the folder.
namespace betimes::systems::series {

/// Numenta Anomaly Benchmark: the series that windows.json lists, "folder/name.csv", with its
/// windows as labels, in that order; series whose list of windows is empty have no anomaly.
std::vector<judge::Series> read_nab(const std::string& folder);

/// Skoltech Anomaly Benchmark: the eight sensors of every file below valve1, valve2 and other, with
/// the column `anomaly` as labels.
std::vector<judge::Series> read_skab(const std::string& folder);

/// One file of TSB-UAD: `value,label`.
judge::Series read_tsb_uad(const std::string& path);

}  // namespace betimes::systems::series
