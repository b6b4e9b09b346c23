#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "betimes/system/detail/indented.h"
#include "betimes/system/system.h"

namespace betimes::system {
namespace {

using Json = nlohmann::ordered_json;
using detail::indented;

std::vector<std::string> family_names(const System& system) {
  std::vector<std::string> names;
  for (const Family family : system.families) names.emplace_back(name(family));
  return names;
}

std::string domain_text(const fit::Domain& domain) {
  if (const auto* some = std::get_if<fit::Categories>(&domain)) {
    std::string text;
    for (const fit::Value& value : some->values) {
      text += (text.empty() ? "" : " | ") + fit::to_string(value);
    }
    return text;
  }
  if (const auto* range = std::get_if<fit::Integers>(&domain)) {
    return range->step == 1
               ? fmt::format("{} to {}", range->low, range->high)
               : fmt::format("{} to {} in steps of {}", range->low, range->high, range->step);
  }
  const auto& reals = std::get<fit::Reals>(domain);
  return fmt::format("{:g} to {:g}", reals.low, reals.high);
}

}  // namespace

std::string render_text(const System& system, int width) {
  std::string text = fmt::format("{}: {}\n", system.slug, system.title);
  text += indented(system.summary, 2, width);
  text += fmt::format("  domain {}, family {}{}\n", system.domain,
                      fmt::join(family_names(system), ", "), system.learns ? ", learns" : "");
  std::string paper = "paper: " + system.paper.title + " (" + system.paper.date;
  if (!system.paper.venue.empty()) paper += ", " + system.paper.venue;
  text += indented(paper + ")", 2, width);
  if (!system.knobs.knobs().empty()) text += "\nknobs\n";
  for (const auto& knob : system.knobs.knobs()) {
    text += indented(fmt::format("{} = {} ({}): {}", knob.name, fit::to_string(knob.standard),
                                 domain_text(knob.domain), knob.summary),
                     2, width);
  }
  text += "\nclaims\n";
  for (const Claim& claim : system.claims) {
    text += indented(
        fmt::format("{}: {} Success: {}, {}.", claim.id, claim.text, criterion(claim), claim.how),
        2, width);
  }
  return text;
}

std::string render_json(const System& system) {
  Json knobs = Json::array(), claims = Json::array();
  for (const auto& knob : system.knobs.knobs()) {
    knobs.push_back({{"name", knob.name},
                     {"domain", domain_text(knob.domain)},
                     {"default", fit::to_string(knob.standard)},
                     {"summary", knob.summary}});
  }
  for (const Claim& claim : system.claims) {
    claims.push_back({{"id", claim.id},
                      {"claim", claim.text},
                      {"paper", claim.paper},
                      {"how", claim.how},
                      {"success", criterion(claim)}});
  }
  const Json object = {{"system", system.slug},
                       {"title", system.title},
                       {"summary", system.summary},
                       {"domain", system.domain},
                       {"families", family_names(system)},
                       {"learns", system.learns},
                       {"paper",
                        {{"title", system.paper.title},
                         {"date", system.paper.date},
                         {"venue", system.paper.venue},
                         {"code", system.paper.code}}},
                       {"knobs", knobs},
                       {"claims", claims}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace betimes::system
