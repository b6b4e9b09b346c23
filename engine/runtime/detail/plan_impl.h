#pragma once

#include <string>
#include <vector>

#include "betimes/runtime/detail/kernel.h"
#include "betimes/runtime/plan.h"

namespace betimes::runtime {

/// A piece of memory that one or more values use.
struct Storage {
  enum class Place : uint8_t { arena, input, output, constant };
  Place place = Place::arena;
  size_t index = 0;   // of the input, output or constant
  size_t offset = 0;  // in the arena
  size_t bytes = 0;
};

struct Value {
  TensorType type;
  Layout layout = Layout::plain;
  size_t storage = 0;
  size_t offset = 0;  // in the storage, in bytes
};

struct Step {
  std::unique_ptr<Kernel> kernel;
  std::vector<size_t> inputs;   // values
  std::vector<size_t> outputs;  // values
  size_t scratch_offset = 0;    // in the arena
};

struct Plan::Impl {
  std::vector<graph::ValueInfo> inputs;
  std::vector<graph::ValueInfo> outputs;
  std::vector<TensorType> input_types;
  std::vector<TensorType> output_types;
  std::vector<size_t> input_values;
  std::vector<size_t> output_values;
  std::vector<Weights> constants;
  std::vector<Storage> storages;
  std::vector<Value> values;
  std::vector<Step> steps;
  std::vector<StepInfo> infos;
  std::vector<Weights> weights;  // of all steps and the constants, each once
  int threads = 1;
  bool huge_pages = false;
  PlanMemory memory;
};

/// Gives every arena storage and every step's scratch an offset such that what is alive together
/// doesn't overlap, and sets the arena's sizes.
void plan_memory(Plan::Impl& plan);

}  // namespace betimes::runtime
