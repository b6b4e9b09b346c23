#!/bin/bash
# Who may include whom. Prints each line that breaks a rule, and fails if there is one.
#   tests/style/includes.sh [ROOT]
cd -- "${1:-$(dirname -- "${BASH_SOURCE[0]}")/../..}" || exit 2
folders=()
for folder in engine systems apps; do [[ -d $folder ]] && folders+=("$folder"); done
find "${folders[@]}" -name '*.h' -o -name '*.cc' | LC_ALL=C sort | xargs awk '
  BEGIN {
    # Floors of the house: a folder includes its own floor and those below.
    split("base:0 tensor:1 graph:2 import:3 runtime:4 learn:5 measure:6 cost:6 judge:7 adapt:7 fit:8 " \
          "language:9 report:10 system:11 serve:12", list, " ")
    for (i in list) { split(list[i], pair, ":"); floor[pair[1]] = pair[2] }
  }
  function complain(why) { print FILENAME ":" FNR ": " why ": " $0; bad = 1 }
  FILENAME ~ /\.h$/ && /^[ \t]*using namespace/ { complain("a header takes a namespace in") }
  !/^[ \t]*#[ \t]*include/ { next }
  {
    split(FILENAME, part, "/")
    split($0, quoted, /["<>]/); target = quoted[2]
    split(target, to, "/")
    in_engine = part[1] == "engine"
    learns = FILENAME ~ /^engine\/learn\// || FILENAME ~ /^apps\/betimes-(train|import)\// || FILENAME ~ /^systems\/.*\/(train|reproduce)[^\/]*$/
  }
  target ~ /^(torch|ATen|c10|caffe2)\// && !learns { complain("LibTorch stays in engine/learn, training and betimes-import") }
  target ~ /^betimes\/learn\// && !learns { complain("what serves doesn\047t include what trains") }
  target ~ /^\.\.?\// { complain("includes start at betimes/, apps/ or systems/") }
  in_engine && target ~ /^(systems|apps|engine|tests|bench)\// { complain("the engine includes betimes/... only") }
  in_engine && to[1] == "betimes" && !(to[2] in floor) { complain("unknown folder; give it a floor in tests/style/includes.sh") }
  in_engine && to[1] == "betimes" && floor[to[2]] + 0 > floor[part[2]] + 0 { complain("a lower floor includes a higher one") }
  FILENAME ~ /\.h$/ && FILENAME !~ /\/detail\// && target ~ /^(CLI\/|dnnl|onnx\/|google\/protobuf|nlohmann\/json\.hpp)/ { complain("a heavy header in a header that others include") }
  in_engine && to[1] == "betimes" && to[3] == "detail" && to[2] != part[2] { complain("another folder\047s detail") }
  END { exit bad }
' || exit 1
echo "includes: the floors are kept"
