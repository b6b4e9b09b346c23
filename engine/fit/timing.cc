#include "betimes/fit/timing.h"

#include <functional>

#include "betimes/base/threads.h"
#include "betimes/runtime/session.h"

namespace betimes::fit {
namespace {

std::vector<runtime::Session> open(const Plans& plans) {
  std::vector<runtime::Session> sessions;
  sessions.reserve(plans.size());
  for (const auto& plan : plans) sessions.emplace_back(plan);
  return sessions;
}

class MeasuredTiming final : public Timing {
 public:
  std::vector<measure::Profile> profiles(const Plans& plans, int runs, int threads,
                                         uint64_t seed) const override {
    std::vector<runtime::Session> sessions = open(plans);
    std::vector<runtime::Session*> all;
    for (runtime::Session& session : sessions) all.push_back(&session);
    // Pinned only while something is timed: threads that score examples would inherit it.
    const PinnedTeam team(threads);
    return measure::profile_interleaved(all, runs, seed);
  }

  std::vector<measure::Latency> latencies(const Plans& plans, const measure::Options& options,
                                          int threads, uint64_t seed) const override {
    std::vector<runtime::Session> sessions = open(plans);
    std::vector<std::function<void()>> runs;
    for (runtime::Session& session : sessions) runs.emplace_back([&session] { session.run(); });
    const PinnedTeam team(threads);
    return measure::measure_interleaved(runs, options, seed);
  }

  measure::Machine machine(int threads) const override { return measure::probe_machine(threads); }
};

class PredictedTiming final : public Timing {
 public:
  explicit PredictedTiming(std::shared_ptr<const cost::DeviceModel> device)
      : device_(std::move(device)) {}

  std::string predicted_for() const override { return device_->device().name; }

  std::vector<measure::Profile> profiles(const Plans& plans, int /*runs*/, int /*threads*/,
                                         uint64_t /*seed*/) const override {
    std::vector<measure::Profile> all;
    for (const auto& plan : plans) {
      const cost::Prediction found = predict(*plan);
      measure::Profile profile;
      for (size_t i = 0; i < found.steps.size(); ++i) {
        const runtime::StepInfo& step = plan->steps()[i];
        profile.steps.push_back({.name = step.name,
                                 .op = step.op,
                                 .kernel = step.kernel,
                                 .precision = step.precision,
                                 .median_ms = found.steps[i].ms,
                                 .share = found.steps[i].ms / found.p50,
                                 .macs = step.macs,
                                 .bytes = step.bytes});
      }
      profile.total_ms = profile.sum_ms = found.p50;
      measure::relate_to_machine(profile, device_->device().machine);
      all.push_back(std::move(profile));
    }
    return all;
  }

  std::vector<measure::Latency> latencies(const Plans& plans, const measure::Options& options,
                                          int /*threads*/, uint64_t /*seed*/) const override {
    std::vector<measure::Latency> all;
    for (const auto& plan : plans) {
      const cost::Prediction found = predict(*plan);
      const auto percentile = [&](double value) {
        return measure::Percentile{.value = value,
                                   .low = value * found.low / found.p50,
                                   .high = value * found.high / found.p50};
      };
      measure::Latency latency;
      latency.p50 = percentile(found.p50);
      latency.p90 = percentile(found.p90);
      latency.p99 = percentile(found.p99);
      latency.percentile = options.percentile;
      latency.asked = latency.p99;
      latency.mean_ms = found.p50;
      latency.invalid_reason = "predicted for " + predicted_for() + ", not measured";
      all.push_back(std::move(latency));
    }
    return all;
  }

  measure::Machine machine(int /*threads*/) const override { return device_->device().machine; }

 private:
  cost::Prediction predict(const runtime::Plan& plan) const {
    return device_->predict(cost::kernels_of(plan.steps()));
  }

  std::shared_ptr<const cost::DeviceModel> device_;
};

}  // namespace

std::unique_ptr<Timing> measured_timing() { return std::make_unique<MeasuredTiming>(); }

std::unique_ptr<Timing> predicted_timing(std::shared_ptr<const cost::DeviceModel> device) {
  return std::make_unique<PredictedTiming>(std::move(device));
}

}  // namespace betimes::fit
