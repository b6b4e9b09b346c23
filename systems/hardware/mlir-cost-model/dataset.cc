#include "systems/hardware/mlir-cost-model/dataset.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/base/file.h"

namespace betimes::systems::mlir_cost_model {
namespace {

using Json = nlohmann::json;

struct Field {
  const char* name;
  double Labels::*value;
};
const Field fields[] = {{"vector_registers", &Labels::vector_registers},
                        {"general_registers", &Labels::general_registers},
                        {"spills", &Labels::spills},
                        {"reloads", &Labels::reloads},
                        {"uops", &Labels::uops},
                        {"cycles", &Labels::cycles},
                        {"utilisation", &Labels::utilisation},
                        {"run_cycles", &Labels::run_cycles}};

double number(const Json& object, const char* name) {
  const double value = object.at(name).get<double>();
  if (!std::isfinite(value) || value < 0) throw Error(name, "isn't a number from 0");
  return value;
}

Variant parse_variant(const Json& object) {
  Variant variant;
  variant.schedule = parse_schedule(object.at("schedule").get<std::string>());
  for (const Field& field : fields) variant.labels.*field.value = number(object, field.name);
  variant.lowering_ms = number(object, "lowering_ms");
  return variant;
}

Graph parse_graph(const Json& object, int64_t& refused) {
  Graph graph;
  graph.seed = object.at("seed").get<uint64_t>();
  graph.kind = object.at("kind").get<std::string>();
  graph.text = object.at("mlir").get<std::string>();
  graph.function = parse_function(graph.text, "mlir");
  for (const Json& variant : object.at("variants"))
    graph.variants.push_back(parse_variant(variant));
  if (graph.variants.size() < 2) throw Error("variants", "are fewer than two");
  refused += object.at("refused").get<int64_t>();
  return graph;
}

}  // namespace

int64_t DataSet::variants() const {
  int64_t count = 0;
  for (const Graph& graph : graphs) count += static_cast<int64_t>(graph.variants.size());
  return count;
}

std::string data_file(const std::string& folder) {
  return (std::filesystem::path(folder) / "mlir-cost-model" / "graphs.jsonl").string();
}

bool data_present(const std::string& folder) {
  return !folder.empty() && std::filesystem::exists(data_file(folder));
}

std::string format_graph(const Graph& graph, int64_t refused) {
  Json object = {{"seed", graph.seed},
                 {"kind", graph.kind},
                 {"mlir", graph.text},
                 {"refused", refused},
                 {"variants", Json::array()}};
  for (const Variant& variant : graph.variants) {
    Json one = {{"schedule", to_string(variant.schedule)}, {"lowering_ms", variant.lowering_ms}};
    for (const Field& field : fields) one[field.name] = variant.labels.*field.value;
    object["variants"].push_back(std::move(one));
  }
  return object.dump();
}

DataSet parse_data(const std::string& text, const std::string& where) {
  DataSet found;
  size_t line = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    ++line;
    const std::string place = fmt::format("{}, line {}", where, line);
    const Json object =
        Json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                    text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (object.is_discarded()) throw Error(place, "isn't JSON", "what betimes train wrote");
    try {
      found.graphs.push_back(parse_graph(object, found.refused));
    } catch (const Json::exception& problem) {
      throw Error(place, problem.what(), "what betimes train wrote");
    } catch (const Error& problem) {
      throw Error(place, problem.what());
    }
    begin = end + 1;
  }
  if (found.graphs.empty()) throw Error(where, "has no graphs");
  return found;
}

DataSet read_data(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, size_t{1} << 30);
  return parse_data({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace betimes::systems::mlir_cost_model
