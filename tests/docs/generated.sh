#!/bin/bash
# Tables in docs/ that a command prints must be what it prints now.
#   tests/docs/generated.sh BETIMES [--fix]     --fix writes them anew
betimes=$(readlink -f -- "$1") fix=${2-} stale=0
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2

# check FILE NAME COMMAND...: what stands in FILE between "<!-- begin NAME" and "<!-- end NAME -->".
check() {
  local file=$1 name=$2 made
  shift 2
  made=$("$@") || { echo "$file: '$*' failed"; stale=1; return; }
  local whole
  whole=$(awk -v name="$name" -v made="$made" '
    $0 == "<!-- end " name " -->" { inside = 0 }
    !inside { print }
    index($0, "<!-- begin " name) == 1 { inside = 1; seen = 1; print made }
    END { exit !seen }' "$file") || { echo "$file: has no part '$name'"; stale=1; return; }
  [[ $whole == "$(<"$file")" ]] && return
  if [[ $fix == --fix ]]; then
    printf '%s\n' "$whole" >"$file.new" && mv "$file.new" "$file"
  else
    echo "$file: '$name' is stale; run tests/docs/generated.sh build/release/bin/betimes --fix"
    stale=1
  fi
}

check docs/operators.md operators "$betimes" list --markdown
data=/usr/share/libonnx-testdata/data
# Exit code 1: some case fails, which the table says.
conformance() { "${betimes%/*}/onnx-conformance" "$data" --markdown || (($? == 1)); }
if [[ -d $data ]]; then
  check docs/operators.md conformance conformance
else
  echo "docs: $data isn't here, the table of its cases isn't checked"
fi
((stale == 0)) && echo "docs: generated tables are current"
exit "$stale"
