#include "betimes/fit/detail/entry_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"

namespace betimes::fit::detail {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t most_extras = 1000;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json setting_json(const Setting& setting) {
  Json object = Json::object();
  for (const auto& [name, value] : setting) {
    std::visit([&object, &key = name](const auto& held) { object[key] = held; }, value);
  }
  return object;
}

const Json& member(const Json& object, const char* name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end()) throw Error(where, std::string("has no '") + name + "'");
  return *found;
}

double number(const Json& json, const std::string& name, const std::string& where) {
  if (!json.is_number()) throw Error(where, "'" + name + "' isn't a number");
  return json.get<double>();
}

std::optional<int64_t> integer(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() &&
      json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return json.get<int64_t>();
}

Value read_value(const Json& json, const Knob& knob, const std::string& where) {
  std::optional<Value> value;
  if (json.is_boolean()) value = json.get<bool>();
  if (json.is_string()) value = json.get<std::string>();
  if (json.is_number_float()) value = json.get<double>();
  if (const auto whole = integer(json)) {
    // Other programs may write 1.0 as 1.
    const bool real = std::holds_alternative<Reals>(knob.domain);
    value = real ? Value(static_cast<double>(*whole)) : Value(*whole);
  }
  if (!value || !contains(knob.domain, *value)) {
    throw Error(where, "knob '" + knob.name + "' has a value outside of its domain",
                to_string(knob.domain));
  }
  return *value;
}

Setting setting_of(const Json& json, const KnobSpace& space, const std::string& where) {
  if (!json.is_object()) throw Error(where, "'setting' isn't an object");
  Setting setting;
  for (const Knob& knob : space.knobs()) {
    setting[knob.name] = read_value(member(json, knob.name.c_str(), where), knob, where);
  }
  if (json.size() != setting.size()) throw Error(where, "'setting' has knobs that are unknown");
  return setting;
}

Outcome outcome_of(const Json& json, const std::string& where) {
  Outcome outcome;
  outcome.quality = number(member(json, "quality", where), "quality", where);
  outcome.latency_ms = number(member(json, "latency_ms", where), "latency_ms", where);
  const Json& extra = member(json, "extra", where);
  if (!extra.is_object() || extra.size() > most_extras) {
    throw Error(where, "'extra' isn't an object of numbers");
  }
  for (const auto& [name, value] : extra.items()) {
    outcome.extra[name] = number(value, name, where);
  }
  return outcome;
}

}  // namespace

std::string as_written(const std::string& text) {
  return Json::parse(dump(Json(text))).get<std::string>();
}

Json read_object(std::string_view line, const std::string& where) {
  if (line.size() > Ledger::largest_line) throw Error(where, "is too long", "at most 1 MiB");
  Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded() || !json.is_object()) throw Error(where, "isn't a JSON object");
  return json;
}

std::string write_setting(const Setting& setting) { return dump(setting_json(setting)); }

Setting read_setting(std::string_view text, const KnobSpace& space, const std::string& where) {
  return setting_of(read_object(text, where), space, where);
}

std::string write_entry(const Entry& entry) {
  Json json = {{"round", entry.round}, {"setting", setting_json(entry.setting)}};
  if (entry.found) {
    json["status"] = "done";
    json["quality"] = entry.found->quality;
    json["latency_ms"] = entry.found->latency_ms;
    json["extra"] = Json::object();
    for (const auto& [name, value] : entry.found->extra) json["extra"][name] = value;
  } else {
    json["status"] = "failed";
    json["reason"] = entry.failure;
  }
  json["seconds"] = entry.seconds;
  return dump(json);
}

Entry read_entry(std::string_view line, const KnobSpace& space, const std::string& where) {
  const Json json = read_object(line, where);
  Entry entry;
  const auto round = integer(member(json, "round", where));
  if (!round || *round < 0) throw Error(where, "'round' isn't a count");
  entry.round = *round;
  entry.setting = setting_of(member(json, "setting", where), space, where);
  entry.seconds = number(member(json, "seconds", where), "seconds", where);
  const Json& status = member(json, "status", where);
  if (status == "done") {
    entry.found = outcome_of(json, where);
  } else if (status == "failed") {
    const Json& reason = member(json, "reason", where);
    if (!reason.is_string()) throw Error(where, "'reason' isn't text");
    entry.failure = reason.get<std::string>();
  } else {
    throw Error(where, "'status' is unknown", "done or failed");
  }
  return entry;
}

}  // namespace betimes::fit::detail
