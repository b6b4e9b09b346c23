#!/bin/bash
# Tables in docs/ that a command prints must be what it prints now.
#   tests/docs/generated.sh BETIMES [--fix]     --fix writes them anew
betimes=$(readlink -f -- "$1") fix=${2-}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2

source tests/docs/check_part.sh

check docs/operators.md operators "$betimes" list operators --markdown
data=/usr/share/libonnx-testdata/data
# Exit code 1: some case fails, which the table says.
conformance() { "${betimes%/*}/onnx-conformance" "$data" --markdown || (($? == 1)); }
if [[ -d $data ]]; then
  check docs/operators.md conformance conformance
else
  echo "docs: $data isn't here, the table of its cases isn't checked"
fi
check docs/systems.md systems "$betimes" list systems --markdown --results results
# Pages and pictures of systems, from what their last run found.
drawing=$(mktemp) && trap 'rm -f "$drawing"' EXIT
for page in systems/*/*/README.md; do
  [[ -f $page ]] || continue
  folder=${page%/README.md} system=${page%/README.md} && system=${system##*/}
  check "$page" result "$betimes" show "$system" --markdown --results results
  [[ -f results/$system.json ]] && command -v gnuplot >/dev/null || continue
  grep -q '"x_label"' "results/$system.json" || continue
  "$betimes" show "$system" --picture "$drawing" --results results || { stale=1; continue; }
  cmp -s "$drawing" "$folder/result.svg" && continue
  if [[ $fix == --fix ]]; then cp "$drawing" "$folder/result.svg"; else
    echo "$folder/result.svg is stale; run tests/docs/generated.sh with --fix" && stale=1
  fi
done
((stale == 0)) && echo "docs: generated tables are current"
exit "$stale"
