#!/bin/bash
# The list of LibTorch's operations in docs/importing.md must be what betimes-import rewrites.
#   tests/docs/lowerings.sh BETIMES_IMPORT [--fix]     --fix writes it anew
program=$(readlink -f -- "$1") fix=${2-}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2
source tests/docs/check_part.sh

listed() { "$program" --operations | sed 's/^aten:://; s/.*/`&`/' | paste -sd, | sed 's/,/, /g' | fold -sw 100 | sed 's/ $//'; }
check docs/importing.md lowerings listed
((stale == 0)) && echo "docs: the list of LibTorch's operations is current"
exit "$stale"
