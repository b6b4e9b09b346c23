#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/betimes/verb.h"
#include "betimes/graph/operator.h"

namespace betimes::cli {
namespace {

int list_operators() {
  for (const graph::Operator* op : graph::operators().all()) {
    if (op->domain.empty()) std::printf("%s\n", op->name.c_str());
  }
  return 0;
}

}  // namespace

Verb list_verb() {
  return {"list", "What there is: models, metrics, operators", "betimes list",
          [](CLI::App&) { return [] { return list_operators(); }; }};
}

}  // namespace betimes::cli
