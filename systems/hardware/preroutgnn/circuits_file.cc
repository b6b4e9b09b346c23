#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "betimes/base/error.h"
#include "betimes/import/safetensors.h"
#include "systems/hardware/preroutgnn/circuits.h"

namespace betimes::systems::preroutgnn {
namespace {

using Json = nlohmann::json;
using Tensors = std::map<std::string, Tensor>;

/// Rows of equal length as one tensor [rows, columns].
template <class T>
class Columns {
 public:
  explicit Columns(int64_t columns) : columns_(columns) {}
  template <class Row>
  void add(const Row& row) {
    values_.insert(values_.end(), row.begin(), row.end());
  }
  Tensor tensor() const {
    return Tensor::from<T>({static_cast<int64_t>(values_.size()) / columns_, columns_}, values_);
  }

 private:
  int64_t columns_;
  std::vector<T> values_;
};

template <class Rows>
Tensor floats(const Rows& rows) {
  Columns<float> columns(static_cast<int64_t>(rows.empty() ? 1 : rows[0].size()));
  for (const auto& row : rows) columns.add(row);
  return columns.tensor();
}

void write_circuit(const Circuit& circuit, const std::string& prefix, Tensors& tensors) {
  tensors[prefix + "level"] =
      Tensor::from<int32_t>({static_cast<int64_t>(circuit.level.size())}, circuit.level);
  std::vector<uint8_t> names;
  for (const std::string& name : circuit.pin_names) {
    names.insert(names.end(), name.begin(), name.end());
    names.push_back('\n');
  }
  tensors[prefix + "names"] = Tensor::from<uint8_t>({static_cast<int64_t>(names.size())}, names);
  tensors[prefix + "features"] = floats(circuit.features);
  tensors[prefix + "arrival"] = floats(circuit.arrival);
  tensors[prefix + "slew"] = floats(circuit.slew);
  tensors[prefix + "straight_arrival"] = floats(circuit.straight_arrival);
  tensors[prefix + "straight_slew"] = floats(circuit.straight_slew);
  tensors[prefix + "tree_arrival"] = floats(circuit.tree_arrival);
  tensors[prefix + "tree_slew"] = floats(circuit.tree_slew);
  Columns<int32_t> nets(2), arcs(3), ends(1);
  Columns<float> net_values(2 + corner_count), delays(corner_count), required(corner_count);
  for (const NetEdge& edge : circuit.nets) {
    nets.add(std::array{edge.driver, edge.sink});
    net_values.add(std::array{edge.dx, edge.dy});
    net_values.add(edge.delay);
  }
  for (const CellEdge& edge : circuit.arcs) {
    arcs.add(std::array{edge.input, edge.output, edge.arc});
    delays.add(edge.delay);
  }
  for (const Circuit::Endpoint& end : circuit.endpoints) {
    ends.add(std::array{end.pin});
    required.add(end.required);
  }
  tensors[prefix + "nets"] = nets.tensor();
  tensors[prefix + "net_values"] = net_values.tensor();
  tensors[prefix + "arcs"] = arcs.tensor();
  tensors[prefix + "arc_delays"] = delays.tensor();
  tensors[prefix + "endpoints"] = ends.tensor();
  tensors[prefix + "required"] = required.tensor();
}

class File {
 public:
  explicit File(const std::string& path)
      : path_(path),
        tensors_(import::read_safetensors(path)),
        metadata_(import::read_safetensors_metadata(path)) {}

  CircuitSet read() {
    CircuitSet set;
    const auto about = metadata_.find("circuits");
    if (about == metadata_.end()) fail("isn't a set of circuits");
    try {
      const Json json = Json::parse(about->second);
      set.technology = json.at("library").get<std::string>();
      set.arcs = read_arcs();
      const Json& designs = json.at("designs");
      for (size_t i = 0; i < designs.size(); ++i) {
        Circuit circuit = read_circuit(designs.at(i), fmt::format("{}.", i));
        check_circuit(circuit, set.arcs.size(), fmt::format("{}, {}", path_, circuit.name));
        (designs.at(i).at("test").get<bool>() ? set.test : set.training)
            .push_back(std::move(circuit));
      }
    } catch (const Json::exception& problem) {
      fail(problem.what());
    }
    if (set.training.empty() || set.test.empty()) fail("has no training or no test designs");
    return set;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(path_, what, "what betimes train preroutgnn wrote");
  }

  /// A tensor's values in rows of `columns`.
  template <class T>
  std::span<const T> values(const std::string& name, size_t columns) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      throw Error(path_, fmt::format("lacks {}: another version made it", name),
                  "removing it and betimes train preroutgnn --set what=data");
    }
    if (found->second.dtype() != dtype_v<T>) fail(fmt::format("{} has another type", name));
    const std::span<const T> all = found->second.data<T>();
    if (all.size() % columns != 0) fail(fmt::format("{} isn't in rows of {}", name, columns));
    return all;
  }
  template <class Row>
  std::vector<Row> rows(const std::string& name) const {
    const std::span<const float> all = values<float>(name, Row{}.size());
    std::vector<Row> found(all.size() / Row{}.size());
    for (size_t i = 0; i < all.size(); ++i) found[i / Row{}.size()][i % Row{}.size()] = all[i];
    return found;
  }
  /// Rows that belong to so many others.
  template <class Row>
  std::vector<Row> rows(const std::string& name, size_t count) const {
    std::vector<Row> found = rows<Row>(name);
    if (found.size() != count) fail(fmt::format("{} has {} rows", name, found.size()));
    return found;
  }

  std::vector<Arc> read_arcs() const {
    const auto sizes = values<uint8_t>("library.sizes", 2 * tables_per_arc);
    const size_t count = sizes.size() / (2 * tables_per_arc);
    using Axes = std::array<float, 2 * axis_length>;
    using Values = std::array<float, axis_length * axis_length>;
    const auto axes = rows<Axes>("library.axes", count * tables_per_arc);
    const auto tables = rows<Values>("library.values", count * tables_per_arc);
    std::vector<Arc> arcs(count);
    for (size_t i = 0; i < count * tables_per_arc; ++i) {
      DelayTable& table = arcs[i / tables_per_arc][i % tables_per_arc];
      table.rows = sizes[2 * i];
      table.columns = sizes[2 * i + 1];
      if (table.rows > axis_length || table.columns > axis_length ||
          (table.rows == 0) != (table.columns == 0)) {
        fail(fmt::format("has a table of {} x {}", table.rows, table.columns));
      }
      std::copy_n(axes[i].begin(), axis_length, table.row_axis.begin());
      std::copy_n(axes[i].begin() + axis_length, axis_length, table.column_axis.begin());
      table.values = tables[i];
      const auto finite = [](float value) { return std::isfinite(value); };
      if (!std::all_of(axes[i].begin(), axes[i].end(), finite) ||
          !std::all_of(table.values.begin(), table.values.end(), finite)) {
        fail("has a table with what isn't a number");
      }
    }
    return arcs;
  }

  Circuit read_circuit(const Json& about, const std::string& prefix) const {
    Circuit circuit;
    circuit.name = about.at("name").get<std::string>();
    circuit.cells = about.at("cells").get<int64_t>();
    circuit.levels = about.at("levels").get<int64_t>();
    circuit.place_seconds = about.at("place_seconds").get<double>();
    circuit.route_seconds = about.at("route_seconds").get<double>();
    circuit.analyse_seconds = about.at("analyse_seconds").get<double>();
    const auto level = values<int32_t>(prefix + "level", 1);
    circuit.level.assign(level.begin(), level.end());
    std::string name;
    for (const uint8_t byte : values<uint8_t>(prefix + "names", 1)) {
      if (byte != '\n') {
        name += static_cast<char>(byte);
      } else {
        circuit.pin_names.push_back(std::move(name));
        name.clear();
      }
    }
    circuit.features = rows<NodeFeatures>(prefix + "features");
    circuit.arrival = rows<Times>(prefix + "arrival");
    circuit.slew = rows<Times>(prefix + "slew");
    circuit.straight_arrival = rows<Times>(prefix + "straight_arrival");
    circuit.straight_slew = rows<Times>(prefix + "straight_slew");
    circuit.tree_arrival = rows<Times>(prefix + "tree_arrival");
    circuit.tree_slew = rows<Times>(prefix + "tree_slew");
    const auto nets = values<int32_t>(prefix + "nets", 2);
    const auto net_values =
        rows<std::array<float, 2 + corner_count>>(prefix + "net_values", nets.size() / 2);
    for (size_t i = 0; i < net_values.size(); ++i) {
      NetEdge edge{nets[2 * i], nets[2 * i + 1], net_values[i][0], net_values[i][1], {}};
      std::copy_n(net_values[i].begin() + 2, corner_count, edge.delay.begin());
      circuit.nets.push_back(edge);
    }
    const auto arcs = values<int32_t>(prefix + "arcs", 3);
    const auto delays = rows<Times>(prefix + "arc_delays", arcs.size() / 3);
    for (size_t i = 0; i < delays.size(); ++i) {
      circuit.arcs.push_back({arcs[3 * i], arcs[3 * i + 1], arcs[3 * i + 2], delays[i]});
    }
    const auto ends = values<int32_t>(prefix + "endpoints", 1);
    const auto required = rows<Times>(prefix + "required", ends.size());
    for (size_t i = 0; i < ends.size(); ++i) circuit.endpoints.push_back({ends[i], required[i]});
    return circuit;
  }

  std::string path_;
  Tensors tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

void write_circuits(const std::string& path, const CircuitSet& set) {
  Tensors tensors;
  Json json = {{"library", set.technology}, {"designs", Json::array()}};
  for (const std::vector<Circuit>* part : {&set.training, &set.test}) {
    for (const Circuit& circuit : *part) {
      check_circuit(circuit, set.arcs.size(), circuit.name);
      write_circuit(circuit, fmt::format("{}.", json["designs"].size()), tensors);
      json["designs"].push_back({{"name", circuit.name},
                                 {"test", part == &set.test},
                                 {"cells", circuit.cells},
                                 {"levels", circuit.levels},
                                 {"place_seconds", circuit.place_seconds},
                                 {"route_seconds", circuit.route_seconds},
                                 {"analyse_seconds", circuit.analyse_seconds}});
    }
  }
  Columns<uint8_t> sizes(2 * tables_per_arc);
  Columns<float> axes(2 * axis_length), values(axis_length * axis_length);
  for (const Arc& arc : set.arcs) {
    for (const DelayTable& table : arc) {
      sizes.add(std::array{table.rows, table.columns});
      axes.add(table.row_axis);
      axes.add(table.column_axis);
      values.add(table.values);
    }
  }
  tensors["library.sizes"] = sizes.tensor();
  tensors["library.axes"] = axes.tensor();
  tensors["library.values"] = values.tensor();
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  import::write_safetensors(path, tensors, {{ "circuits", json.dump() }});
}

CircuitSet read_circuits(const std::string& path) { return File(path).read(); }

}  // namespace betimes::systems::preroutgnn
