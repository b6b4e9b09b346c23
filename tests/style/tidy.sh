#!/bin/bash
# clang-tidy over every source file that BUILD's compile_commands.json names, one process a core.
#   tests/style/tidy.sh BUILD [PATTERN]    only the files whose path matches PATTERN
# The LibTorch side is left out: its headers don't compile as C++20 with clang.
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 2
build=$1 pattern=${2-}
sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u |
  grep -v -e "^$build/" -e /engine/learn/ -e /apps/betimes-train/ | grep -e "$pattern" |
  xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-error
