#pragma once

#include <string>
#include <vector>

#include "bench/compare/models.h"
#include "bench/cost/samples.h"
#include "betimes/measure/latency.h"
#include "betimes/runtime/session.h"

namespace betimes::bench {

/// A real model as it is or in 8 bits, or a reference network.
struct RealModel {
  std::string name;
  std::string family;  // "real" or "reference"
  std::string group;   // both forms of a model have one
  graph::Graph graph;
  Model model;  // shapes, values and pattern of its inputs
};

/// What the list (bench/models.json) has here, each that can be also in 8 bits, then the reference
/// networks in their order. Files that aren't here are told on standard error.
std::vector<RealModel> real_models(const std::string& list, const std::string& packages);

/// The model's pattern for its floats, zeros for everything else.
void fill_real(const runtime::Session& session, const Model& model);

/// A network without its kernels.
MeasuredNet net_of(const RealModel& model, const measure::Latency& latency);
cost::ReferenceLatency reference_of(const MeasuredNet& net, const measure::Latency& latency);

/// ISO 8601, UTC.
std::string today();

}  // namespace betimes::bench
