#include "betimes/system/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <stdexcept>

#include "betimes/base/error.h"

namespace betimes::system {
namespace {

const Claim& claim_of(const System& system, const std::string& id) {
  const auto at = std::find_if(system.claims.begin(), system.claims.end(),
                               [&](const Claim& claim) { return claim.id == id; });
  if (at == system.claims.end()) {
    throw std::logic_error(fmt::format("{} has no claim {}", system.slug, id));
  }
  return *at;
}

}  // namespace

Study::Study(const System& system, const ReproduceOptions& options)
    : system_(system), options_(options) {
  result_.slug = system.slug;
  result_.quick = options.quick;
  result_.threads = options.threads;
}

std::vector<uint64_t> Study::seeds(int standard) {
  const int count = options_.seeds > 0 ? options_.seeds : standard;
  std::vector<uint64_t> all;
  for (int i = 0; i < count; ++i) all.push_back(options_.seed + static_cast<uint64_t>(i));
  if (all.size() > result_.seeds.size()) result_.seeds = all;
  return all;
}

Scores Study::run(const std::vector<Variant>& variants, const std::vector<uint64_t>& seeds) {
  Scores scores;
  std::vector<std::map<std::string, double>> found(variants.size());
  double done = 0;
  const double all = static_cast<double>(variants.size() * seeds.size());
  for (const uint64_t seed : seeds) {
    std::vector<size_t> order(variants.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937_64 random(seed);
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t i : order) {
      progress(done++ / all, fmt::format("{}, seed {}", variants[i].name, seed));
      found[i] = variants[i].run(seed);
    }
    // In the variants' own order, so that a table doesn't depend on the shuffle.
    for (size_t i = 0; i < variants.size(); ++i) {
      for (const auto& [metric, value] : found[i]) scores.add(metric, variants[i].name, value);
    }
  }
  return scores;
}

void Study::progress(double fraction, const std::string& what) const {
  if (options_.progress) options_.progress(fraction, what);
}

void Study::evidence(const std::string& id, const Estimate& found) {
  const Claim& claim = claim_of(system_, id);
  if (!found_.emplace(id, Finding{claim, found, judge(claim, found)}).second) {
    throw std::logic_error(fmt::format("claim {} has evidence twice", id));
  }
}

void Study::not_shown(const std::string& id, const std::string& why) {
  Finding finding{claim_of(system_, id), {}, Verdict::not_shown};
  finding.found.note = why;
  if (!found_.emplace(id, std::move(finding)).second) {
    throw std::logic_error(fmt::format("claim {} has evidence twice", id));
  }
}

// Here rather than in the header: GCC 12, inlining them at -O3, warns of accesses that never
// happen.
void Study::table(Table table) { result_.tables.push_back(std::move(table)); }
void Study::picture(Picture picture) { result_.pictures.push_back(std::move(picture)); }
void Study::note(std::string text) { result_.notes.push_back(std::move(text)); }

Reproduction Study::finish() {
  for (const Claim& claim : system_.claims) {
    const auto at = found_.find(claim.id);
    if (at != found_.end()) {
      result_.findings.push_back(at->second);
    } else if (!quick() || claim.in_quick) {
      throw std::logic_error(fmt::format("{}: claim {} has no evidence", system_.slug, claim.id));
    }
  }
  if (result_.seeds.empty()) result_.seeds = {options_.seed};
  return std::move(result_);
}

Reproduction reproduce(const System& system, const ReproduceOptions& options) {
  if (!system.reproduce) {
    throw Error(system.slug, "has no reproduction in this build", "a build with LibTorch");
  }
  const auto begun = std::chrono::steady_clock::now();
  Study study(system, options);
  system.reproduce(study);
  Reproduction result = study.finish();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  result.machine = measure::probe_machine(1);
  return result;
}

}  // namespace betimes::system
