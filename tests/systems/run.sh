#!/bin/bash
# A system that lies outside of the repository's own folder, with every verb.
#   tests/systems/run.sh PROGRAM LEARNS [MPIEXEC]
program=$1 learns=$2 mpiexec=${3-}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0

# expect EXIT PATTERN COMMAND...: exit code and what is printed.
expect() {
  local code=$1 pattern=$2 out status
  shift 2
  out=$("$@" 2>&1)
  status=$?
  if ((status != code)) || ! grep -qE -- "$pattern" <<<"$out"; then
    printf '%s\n' "$*: exit $status, expected $code and '$pattern':" "$out"
    failures=1
  fi
}

expect 0 'sample-echo +series.*repeats its input' "$program" list systems
expect 0 '"name": "sample-echo"' "$program" list --json
expect 0 'An echo comes one step late' "$program" show sample-echo
expect 0 '"slug|"system": "sample-echo"' "$program" show sample-echo --json
expect 0 'Not run yet' "$program" show sample-echo --markdown --results .
expect 2 'is no system here .expected sample-echo' "$program" reproduce nothing
expect 2 'has no result' "$program" show sample-echo --picture p.svg --results .

# Every setting, tried here and in three other processes: the same settings with the same qualities.
tried() { sed -nE 's/.*("setting": ?\{[^}]*\}).*("quality": ?[0-9.]+).*/\1 \2/p; s/.*("quality": ?[0-9.]+).*("setting": ?\{[^}]*\}).*/\2 \1/p' "$1" | sort; }
fit=("$program" fit sample-echo --budget 'p50<=1000ms' --search exhaustive --evaluations 12)
expect 0 'Budget met' "${fit[@]}" --ledger alone.jsonl --out alone.json
expect 2 'superstitious' "${fit[@]}" --seed 13 --out never.json
if [[ $mpiexec ]]; then
  expect 0 'Budget met' "$mpiexec" -n 4 "${fit[@]}" --ledger ranks.jsonl --out ranks.json
  [[ $(tried alone.jsonl | wc -l) == 12 && $(tried alone.jsonl) == "$(tried ranks.jsonl)" ]] ||
    { echo "over MPI other settings were tried"; tried ranks.jsonl; failures=1; }
  expect 2 'superstitious' "$mpiexec" -n 4 "${fit[@]}" --seed 13 --out never.json
fi
if [[ $learns == ON ]]; then
  expect 0 'epoch 1, seed 7' "$program" train sample-echo --seed 7
  expect 2 "isn't understood" "$program" train sample-echo --set epochs
  expect 0 'verdict: reproduced' "$program" reproduce sample-echo --quick --seeds 3
  expect 0 'nothing here measures loudness' "$program" reproduce sample-echo --out .
  expect 0 '\[sample-echo\].*one step late.*1 steps.*reproduced' "$program" list systems --markdown --results .
  expect 0 'nothing here measures loudness' "$program" show sample-echo --markdown --results .
  expect 0 '' "$program" show sample-echo --picture p.svg --results .
  grep -q '</svg>' p.svg || { echo "no picture"; failures=1; }
  sed -i 's/"bound": 1.0/"bound": 2.0/' sample-echo.json
  expect 2 'has no evidence of the claim late as it stands now' "$program" list systems --markdown --results .
  echo '{"system": [' >sample-echo.json
  expect 2 'is no result of a reproduction' "$program" list systems --markdown --results .
else
  expect 2 "can't be started" "$program" reproduce sample-echo
fi
exit "$failures"
