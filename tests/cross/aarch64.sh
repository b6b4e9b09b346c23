#!/bin/bash
# Compiles the portable path for 64-bit Arm with Debian's cross compiler: what probes, predicts and
# computes without another processor family's instructions.
#   tests/cross/aarch64.sh SCRATCH_FOLDER
# Exit code 77: the compiler isn't installed.
set -eu
compiler=aarch64-linux-gnu-g++
root=$(readlink -f -- "${BASH_SOURCE[0]%/*}/../..")
scratch=$1
if ! command -v "$compiler" >/dev/null; then
  echo "aarch64: $compiler isn't installed (apt-get install g++-aarch64-linux-gnu)"
  exit 77
fi
# Libraries' headers that are the same for every processor; the compiler has its own of the system.
mkdir -p "$scratch/include" "$scratch/objects"
for header in fmt nlohmann dnnl.h dnnl.hpp dnnl_config.h dnnl_debug.h dnnl_types.h dnnl_version.h oneapi; do
  [[ -e /usr/include/$header ]] && ln -sfn "/usr/include/$header" "$scratch/include/$header"
done
[[ -d /usr/include/eigen3/Eigen ]] && ln -sfn /usr/include/eigen3/Eigen "$scratch/include/Eigen"
cd "$root"
# Of cost/, two files want what a build generates.
find engine/base engine/tensor engine/measure engine/cost engine/runtime/kernels/vector -name '*.cc' \
  ! -name '*_test.cc' ! -name bundled_devices.cc ! -name shipped.cc | sort |
  xargs -P "$(nproc)" -I{} sh -c '
    object=$3/objects/$(echo "$1" | tr / _).o
    "$2" -std=c++20 -O1 -fopenmp -Wall -Wextra -Werror -DBETIMES_VERSION="\"cross\"" -Iinclude \
      -isystem "$3/include" -c "$1" -o "$object"' _ {} "$compiler" "$scratch"
count=$(find "$scratch/objects" -name '*.o' | wc -l)
echo "aarch64: $count files compiled"
[[ $count -gt 30 ]]
