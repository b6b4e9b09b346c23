#include "systems/series/pate/reproduce_parts.h"

namespace betimes::system {

void pate_reproduce(Study& study) {
  pate::reproduce_values(study);
  pate::reproduce_scenarios(study);
  pate::reproduce_detectors(study);
  pate::reproduce_cost(study);
  study.note(
      "Can't be shown: how the named deep detectors change places on MSL, SMAP, SMD, PSM and SWaT; "
      "neither they nor the data can be had as a whole.");
}

}  // namespace betimes::system
