#pragma once

#include <dnnl.hpp>
#include <optional>
#include <vector>

#include "betimes/graph/activation.h"
#include "betimes/runtime/detail/kernel.h"

namespace betimes::runtime::onednn {

using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

const dnnl::engine& engine();
Type type_of(DType type);

/// One argument of a primitive and where its memory comes from.
struct Argument {
  enum class From : uint8_t { read, write, scratch, packed };
  int arg = 0;
  Desc desc;
  From from = From::read;
  size_t index = 0;  // of the read, the output or the packed memory; of scratch: its offset
};

/// Primitives run one after the other, with the weights they share.
struct Stage {
  dnnl::primitive primitive;
  std::vector<Argument> arguments;
};

/// Bytes of scratch memory up to the next aligned address.
inline size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The step's read or output number `index`.
inline Argument read(int arg, const Desc& desc, size_t index = 0) {
  return {arg, desc, Argument::From::read, index};
}
inline Argument written(int arg, const Desc& desc, size_t index = 0) {
  return {arg, desc, Argument::From::write, index};
}

/// Puts a kernel together from primitives: packs their weights, books their scratch memory.
class Assembly {
 public:
  /// Without a store nothing can be packed.
  Assembly() = default;
  explicit Assembly(WeightStore& store) : store_(&store) {}

  /// Copies constant data into the layout that a primitive asked for.
  Argument packed(int arg, const void* data, const Desc& given, const Desc& wanted);
  /// A constant in the layout it has.
  Argument packed(int arg, const void* data, const Desc& desc) {
    return packed(arg, data, desc, desc);
  }
  Argument scratch(int arg, const Desc& desc);
  /// The step's first read as `wanted` says: converted by a stage of its own where its type
  /// isn't that of `given`.
  Argument converted(int arg, const Desc& given, const Desc& wanted);
  /// Adds a primitive; `scratchpad` is what its description asks for.
  void add(dnnl::primitive primitive, std::vector<Argument> arguments, const Desc& scratchpad);
  /// "onednn <implementation>", with everything added so far.
  std::unique_ptr<Kernel> finish(const char* implementation);

 private:
  std::vector<Stage> stages_;
  WeightStore* store_ = nullptr;
  std::vector<Weights> packed_;
  size_t scratch_ = 0;
};

/// A copy of dense data in the layout that a primitive asked for.
Weights pack(WeightStore& store, const void* data, const Desc& from, const Desc& to);
/// Packed weights as an argument of primitives, which only read through it.
dnnl::memory memory_of(const Weights& weights, const Desc& desc);

/// Appends the activation; false when oneDNN has none like it. `scale` multiplies the result.
bool append(dnnl::post_ops& ops, const graph::Activation& activation, float scale = 1.0f);

/// Whether oneDNN fell back to plain loops, tens of times slower than its real kernels.
bool is_reference(const std::string& implementation);

}  // namespace betimes::runtime::onednn
