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

class OneDnnKernel final : public Kernel {
 public:
  OneDnnKernel(std::string name, std::vector<Stage> stages, std::vector<dnnl::memory> packed,
               size_t scratch);
  std::string name() const override { return name_; }
  size_t scratch_bytes() const override { return scratch_; }
  size_t weight_bytes() const override;
  std::unique_ptr<Call> bind(const Buffers& buffers) const override;

 private:
  std::string name_;
  std::vector<Stage> stages_;
  std::vector<dnnl::memory> packed_;
  size_t scratch_;
};

/// A copy of dense data in the layout that a primitive asked for.
dnnl::memory pack(const void* data, const Desc& from, const Desc& to);

/// Appends the activation; false when oneDNN has none like it. `scale` multiplies the result.
bool append(dnnl::post_ops& ops, const graph::Activation& activation, float scale = 1.0f);

/// Whether oneDNN fell back to plain loops, tens of times slower than its real kernels.
bool is_reference(const std::string& implementation);

}  // namespace betimes::runtime::onednn
