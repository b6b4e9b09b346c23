#include <torch/utils.h>

#include "systems/search/proxylessnas/reproduce_parts.h"

namespace betimes::system {

void proxylessnas_reproduce(Study& study) {
  using namespace systems::proxylessnas;
  torch::set_num_threads(study.threads());
  study.not_shown("imagenet", "ImageNet can't be trained on here, and there is no such GPU.");
  const Space space;
  check_memory(study, space);
  const OwnTable own = check_table(study, space);
  check_search(study, space, own);
  study.note(
      "Reduced space of 9 searchable layers; the architecture's learning rate is 0.05, so that few "
      "epochs can move it (at 6e-3 entropy fell by 1 %). Layers learn from steps in which zero is "
      "active, too, which the paper's code leaves out: with those left out, searches at "
      "strengths 0.01 and 0.05 ended with zero in six or all of the seven layers that may be.");
}

}  // namespace betimes::system
