#include "systems/hardware/preroutgnn/model.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "betimes/base/error.h"

namespace betimes::systems::preroutgnn {
namespace {

constexpr std::array<const char*, 3> readings = {"attention", "mean", "product"};
constexpr std::array<const char*, 3> residuals = {"none", "nets", "all"};

template <size_t n>
size_t place(const std::array<const char*, n>& names, const std::string& name, const char* what) {
  std::string all;
  for (size_t i = 0; i < n; ++i) {
    if (name == names[i]) return i;
    all += fmt::format("{}{}", i > 0 ? ", " : "", names[i]);
  }
  throw Error(what, fmt::format("'{}' isn't one", name), all);
}

const std::string& text_of(const std::map<std::string, std::string>& metadata, const char* key,
                           const std::string& where) {
  const auto found = metadata.find(key);
  if (found != metadata.end()) return found->second;
  throw Error(where, fmt::format("doesn't say {}", key), "a model of betimes train preroutgnn");
}

int64_t whole(const std::map<std::string, std::string>& metadata, const char* key,
              const std::string& where) {
  const std::string& text = text_of(metadata, key, where);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw Error(where, fmt::format("{} is '{}'", key, text), "a whole number");
}

void in_range(const char* what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  throw Error(what, fmt::format("is {}", value), fmt::format("{} to {}", low, high));
}

}  // namespace

const char* name(Reading reading) { return readings[static_cast<size_t>(reading)]; }
const char* name(Residual residual) { return residuals[static_cast<size_t>(residual)]; }
Reading find_reading(const std::string& name) {
  return static_cast<Reading>(place(readings, name, "reading of tables"));
}
Residual find_residual(const std::string& name) {
  return static_cast<Residual>(place(residuals, name, "residual steps"));
}

ModelOptions ModelOptions::published() {
  ModelOptions options;
  options.hidden = 128;
  options.net_layers = 4;
  options.corners = 2;
  options.code_hidden = 64;
  return options;
}

void check(const ModelOptions& options) {
  in_range("hidden", options.hidden, 8, 512);
  in_range("net_layers", options.net_layers, 1, 8);
  in_range("corners", options.corners, 1, 2);
  in_range("latent", options.latent, 0, 64);
  in_range("code_layers", options.code_layers, 2, 8);
  in_range("code_hidden", options.code_hidden, 8, 512);
}

std::vector<size_t> columns(const ModelOptions& options) {
  if (options.corners == 1) return {late_rise, late_fall};
  return {early_rise, early_fall, late_rise, late_fall};
}

std::vector<size_t> tables(const ModelOptions& options) {
  std::vector<size_t> found = columns(options);
  const size_t count = found.size();
  for (size_t i = 0; i < count; ++i) found.push_back(corner_count + found[i]);
  return found;
}

std::map<std::string, std::string> format_options(const ModelOptions& options) {
  return {{"hidden", std::to_string(options.hidden)},
          {"net_layers", std::to_string(options.net_layers)},
          {"corners", std::to_string(options.corners)},
          {"residual", name(options.residual)},
          {"reading", name(options.reading)},
          {"latent", std::to_string(options.latent)},
          {"code_layers", std::to_string(options.code_layers)},
          {"code_hidden", std::to_string(options.code_hidden)}};
}

ModelOptions parse_options(const std::map<std::string, std::string>& metadata,
                           const std::string& where) {
  ModelOptions options;
  options.hidden = whole(metadata, "hidden", where);
  options.net_layers = whole(metadata, "net_layers", where);
  options.corners = whole(metadata, "corners", where);
  options.residual = find_residual(text_of(metadata, "residual", where));
  options.reading = find_reading(text_of(metadata, "reading", where));
  options.latent = whole(metadata, "latent", where);
  options.code_layers = whole(metadata, "code_layers", where);
  options.code_hidden = whole(metadata, "code_hidden", where);
  check(options);
  return options;
}

}  // namespace betimes::systems::preroutgnn
