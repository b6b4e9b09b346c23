#!/bin/bash
# Tables in docs/ that a command prints must be what it prints now.
#   tests/docs/generated.sh BETIMES [--fix]     --fix writes them anew
betimes=$(readlink -f -- "$1") fix=${2-}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2

source tests/docs/check_part.sh

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
