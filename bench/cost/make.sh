#!/bin/bash
# What `betimes predict` knows, made again: samples of this machine as several devices, then the
# learned kernels, their calibration, and the tables and pictures of docs/predict.md.
#   bench/cost/make.sh collect NAME   measures this machine: bench/cost/data/NAME-*.json.gz and
#                                     models/devices/NAME-*.device (three quarters of an hour; leave it alone)
#   bench/cost/make.sh learn          from all of bench/cost/data
#   bench/cost/make.sh published DIR  devices from HELP's latencies of NAS-Bench-201 (nasbench201_*.csv.gz), and
#                                     how well their other networks are predicted
# Needs what ./check installs, gnuplot, libxgboost-dev; collect needs npm for ONNX Runtime, too.
set -eu
root=$(readlink -f -- "${BASH_SOURCE[0]%/*}/../..")
build=$root/build/bench
data=$root/bench/cost/data
devices=$root/models/devices
packages=$root/build/peers/node_modules
bench=$build/bin/bench_cost
cd "$root"

build() {
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBETIMES_BUILD_BENCH=ON >/dev/null
  cmake --build "$build" --target bench_cost >&2
}

# one NAME THREADS [ARGUMENT...]: collects, and puts the profile among the bundled devices.
one() {
  local name=$1 threads=$2
  shift 2
  "$bench" collect --packages "$packages" --name "$name" --threads "$threads" \
    --out "$data/$name.json.gz" "$@"
  "$bench" device "$data/$name.json.gz" --out "$devices/$name.device"
}

collect() {
  [[ -d $packages/onnxruntime-node ]] || bench/against-onnxruntime.sh --help >/dev/null
  mkdir -p "$data" "$devices"
  for isa in sse41 avx2 avx512 avx512_bf16; do one "$1-$isa-1t" 1 --isa "$isa"; done
  for isa in sse41 avx2 avx512 avx512_bf16; do one "$1-$isa-2t" 2 --isa "$isa" --made 400; done
  one "$1-onnxruntime-1t" 1 --peer
}

# plot PREDICTIONS: the pictures of docs/predict.md.
plot() {
  local new="$1.new" known="$1.known"
  awk -F, '$5 == "learned" && $6 == "model and device"' "$1" >"$new"
  awk -F, '$5 == "learned" && $6 == "model"' "$1" >"$known"
  gnuplot <<EOF
set datafile separator ','
set terminal svg size 640,560 font 'sans-serif,12' background 'white'
set key left top
set output 'docs/predict-scatter.svg'
set logscale xy
set format xy '%g'
set xlabel 'measured median, ms'
set ylabel 'predicted for a new device, ms'
set grid
plot x title 'equal' lc 'grey', 1.1*x title '10 % apart' lc 'grey' dt 2, x/1.1 notitle lc 'grey' dt 2, \
  '$new' using 2:1 title 'a model on a device' pt 7 ps 0.35 lc rgb '#1f77b4'
reset
set datafile separator ','
set terminal svg size 720,380 font 'sans-serif,12' background 'white'
set output 'docs/predict-errors.svg'
set multiplot layout 1,2
width = 5
set boxwidth width
set style fill solid 0.6
set xrange [-60:60]
set xlabel 'predicted against measured, %'
set ylabel 'predictions'
set title 'errors, new devices'
plot '$new' using (width*floor(100*(\$1/\$2-1)/width)+width/2.):(1) smooth freq with boxes notitle lc rgb '#1f77b4'
unset boxwidth
set xrange [0:1]
set yrange [0:1]
set xlabel 'level of the interval'
set ylabel 'share covered'
set title 'coverage'
set key left top
plot x title 'as it should be' lc 'grey', \
  '$new' using 4:(1) smooth cnormal title 'new devices' lw 2 lc rgb '#1f77b4', \
  '$known' using 4:(1) smooth cnormal title 'known devices' lw 2 lc rgb '#ff7f0e'
unset multiplot
EOF
}

learn() {
  local table=$build/predictions.csv
  "$bench" evaluate "$data"/*.json.gz --threads "$(nproc)" --calibration models/cost/calibration.json \
    --write docs/predict.md --csv "$table"
  "$bench" train "$data"/*.json.gz --threads "$(nproc)" --out models/cost/kernels.json
  plot "$table"
}

published() {
  "$bench" published "$1" --out "$devices"
  "$bench" published "$1" --write docs/predict.md
}

case ${1-} in
  collect) [[ $# == 2 ]] || { echo "make.sh: collect needs a name" >&2; exit 2; }; build; collect "$2" ;;
  learn) build; learn ;;
  published) [[ $# == 2 ]] || { echo "make.sh: published needs a folder" >&2; exit 2; }; build; published "$2" ;;
  *) sed -n '2,10s/^# \?//p' "$0" >&2; exit 2 ;;
esac
