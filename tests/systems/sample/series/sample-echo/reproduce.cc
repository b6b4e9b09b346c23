#include "betimes/system/study.h"

namespace betimes::system {

void sample_echo_reproduce(Study& study) {
  const Scores scores = study.run({{"echo",
                                    [](uint64_t) {
                                      return std::map<std::string, double>{{"steps", 1}};
                                    }},
                                   {"silence",
                                    [](uint64_t) {
                                      return std::map<std::string, double>{{"steps", 9}};
                                    }}},
                                  study.seeds(2));
  study.evidence("late", scores.mean("steps", "echo"));
  if (!study.quick()) study.not_shown("loud", "nothing here measures loudness");
  study.table(scores.table("Steps"));
  study.picture({"Echoes",
                 "time",
                 "loudness",
                 false,
                 false,
                 {{"click", {0, 1, 2}, {1, 0, 0}, {}, {}, true},
                  {"echo", {0, 1, 2}, {0, 1, 0}, {}, {}, true}}});
  study.note("A sample: nothing was published.");
}

}  // namespace betimes::system
