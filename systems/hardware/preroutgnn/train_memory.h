#pragma once

#include <cstddef>
#include <functional>

namespace betimes::systems::preroutgnn {

/// The most bytes that tensors made during `work` held at a time: what it asked LibTorch's
/// allocator for, exactly, whatever the process had before or keeps after. What libraries below
/// take for themselves isn't in it. No other thread may make tensors meanwhile.
size_t peak_tensor_bytes(const std::function<void()>& work);

}  // namespace betimes::systems::preroutgnn
