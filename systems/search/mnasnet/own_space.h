#pragma once

#include "systems/search/common/block_net.h"
#include "systems/search/mnasnet/ofa.h"
#include "systems/search/mnasnet/tokens.h"

// The search space of the end-to-end search: MnasNet's choices on a chain of three blocks, for
// 28 x 28 grey images.

namespace betimes::systems::mnasnet {

/// Blocks of 12, 20 and 32 channels and 1, 2 and 2 layers, strides 1, 2 and 2 after a stem of 12
/// with stride 2. Per block: layers -1, 0 or +1; width x 0.75, 1 or 1.25; operator {conv,
/// separable, MBConv x 3, MBConv x 6}; kernel 3 or 5; squeeze-and-excitation 0 or 0.25; skip {pool,
/// identity, none}. Illegal, and masked: no layers at all, a regular 5 x 5 convolution, an identity
/// skip in a block none of whose layers keeps its shape, a pooled skip into fewer channels. `cell`
/// shares all choices between the blocks, but a choice must then be legal in each; `free` has
/// operator, kernel, squeeze and skip for each layer, and the layers that aren't there are ignored.
TokenSpace own_space(Sharing sharing);
search::BlockNet own_net(Sharing sharing, const Tokens& tokens);

/// The hand-made baseline: MBConv k3 e6 throughout with identity skips, all widths times `width`.
search::BlockNet mobilenet_like(double width);

}  // namespace betimes::systems::mnasnet
