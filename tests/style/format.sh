#!/bin/bash
# Is every source file as clang-format would write it?   tests/style/format.sh --fix   rewrites them.
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2
mode=(--dry-run -Werror)
[[ ${1-} == --fix ]] && mode=(-i)
folders=()
for folder in engine systems apps tests bench examples; do [[ -d $folder ]] && folders+=("$folder"); done
find "${folders[@]}" -name '*.h' -print0 -o -name '*.cc' -print0 | xargs -0 -P "$(nproc)" -n 20 clang-format "${mode[@]}"
