// A system as someone outside this repository would write it.
#include "betimes/system/system.h"

namespace betimes::system {

System sample_echo_system() {
  System system;
  system.slug = "sample-echo";
  system.title = "Says again what it hears";
  system.domain = "series";
  system.families = {Family::stream};
  system.summary = "repeats its input, one step later";
  system.paper = {"On Echoes", "May 1893", "", ""};
  system.claims = {{"late", "An echo comes one step late.", "1",
                    "steps between a click and its echo", Direction::at_most, 1, "steps", true},
                   {"loud", "An echo is as loud as what caused it.", "1.0",
                    "loudness of a click's echo", Direction::at_least, 1, "", false}};
  return system;
}

}  // namespace betimes::system
