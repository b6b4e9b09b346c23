#include "systems/series/pate/reproduce_parts.h"

namespace betimes::system {

void pate_reproduce(Study& study) {
  systems::pate::reproduce_values(study);
  systems::pate::reproduce_scenarios(study);
  systems::pate::reproduce_detectors(study);
  systems::pate::reproduce_cost(study);
  study.note(
      "Can't be shown: how the named deep detectors change places on MSL, SMAP, SMD, PSM and SWaT; "
      "neither they nor the data can be had as a whole.");
}

}  // namespace betimes::system
