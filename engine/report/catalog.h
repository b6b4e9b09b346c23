#pragma once

#include <string>
#include <vector>

namespace betimes::report {

/// What `betimes list` tells: what there is to choose from, by name.
struct Catalog {
  struct Entry {
    std::string name;
    std::string summary;
  };
  struct Operator {
    std::string name;
    std::string inputs;   // how many: "2", "1 to 3", "1 or more"
    std::string outputs;  // likewise
    std::vector<std::string> attributes;
    std::vector<std::string> types;  // of the first input; empty: every type
  };
  struct System {
    std::string name;
    std::string domain;
    std::vector<std::string> families;
    std::string summary;
    bool learns = false;
  };
  std::vector<System> systems;
  std::vector<Entry> models;
  std::vector<Entry> devices;
  std::vector<Entry> metrics;
  std::vector<Operator> operators;  // of ONNX's domains, the default one first
};

/// The parts of a catalog, in the order in which they are told.
std::vector<std::string> catalog_parts();

/// Devices, metrics and operators as this program knows them. Systems and models are the caller's
/// to say.
Catalog make_catalog();

/// The object that `list --json` prints; documented in docs/json.md.
std::string render_json(const Catalog& catalog);
/// For a terminal of `width` columns; one of catalog_parts(), or all when `part` is empty.
std::string render_text(const Catalog& catalog, int width, const std::string& part = {});
/// The operators as a Markdown table: the one in docs/operators.md.
std::string render_markdown(const std::vector<Catalog::Operator>& operators);

}  // namespace betimes::report
