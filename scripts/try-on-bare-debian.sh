#!/bin/bash
# Proves the two commands on a machine that has nothing but git: makes a minimal Debian 12 in a
# temporary folder, clones this repository's HEAD into it, runs the commands there and prints how long
# each took. Needs root and debootstrap, about 6 GB of disk and the network; leaves nothing behind.
#   scripts/try-on-bare-debian.sh [COMMAND...]     default: './betimes fit' './betimes fit' ./check
#   MIRROR   where Debian comes from (default: http://deb.debian.org/debian)
#   RESULTS  a folder to copy the clone's build logs into
# shellcheck disable=SC2317 # functions are called through timed
set -euo pipefail
source_dir=$(readlink -f -- "$(dirname -- "${BASH_SOURCE[0]}")/..")
mirror=${MIRROR:-http://deb.debian.org/debian}
(($# > 0)) || set -- './betimes fit' './betimes fit' ./check

((EUID == 0)) || { echo "try-on-bare-debian: run it as root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "try-on-bare-debian: apt-get install debootstrap" >&2; exit 2; }
# A mount namespace of its own: the bind mounts go with this process, so that removing the folder
# can't reach through them.
if [[ ${BARE_DEBIAN_NAMESPACE-} != "$$" ]]; then
  exec env BARE_DEBIAN_NAMESPACE=$$ unshare --mount --propagation private "$0" "$@"
fi

bare=$(mktemp -d "${TMPDIR:-/tmp}/bare-debian.XXXXXX")
trap 'umount -l "$bare"/{dev,proc,sys} 2>/dev/null; rm -rf --one-file-system "$bare" "$bare.time"' EXIT

declare -a report=()
timed() { # the processors' time too: on a busy machine it says what an idle one would take
  local label=$1 status=0
  shift
  TIMEFORMAT='%R %U %S'
  { time "$@" 1>&3 2>&4 || status=$?; } 3>&1 4>&2 2>"$bare.time"
  report+=("$(awk -v s="$status" -v l="$label" '{ printf "%8.1f s, processors %8.1f s, exit %d: %s", $1, $2 + $3, s, l }' "$bare.time")")
  return "$status"
}

make_root() {
  debootstrap --variant=minbase --include=ca-certificates,git bookworm "$bare" "$mirror" >"$bare.log" 2>&1 ||
    { tail "$bare.log" >&2; return 1; }
  rm -f "$bare.log"
  # What this machine needs to reach the network, if it needs anything: names, certificates, apt's
  # own settings (a proxy, for one).
  cp -L /etc/resolv.conf /etc/hosts "$bare/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/"
  cp -rL /etc/apt/apt.conf.d/. "$bare/etc/apt/apt.conf.d/"
  local folder
  for folder in dev proc sys; do mount --rbind "/$folder" "$bare/$folder"; done
}

in_root() {
  chroot "$bare" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    "http_proxy=${http_proxy-}" "https_proxy=${https_proxy-}" sh -c "cd /betimes && $1"
}

timed "debootstrap (not part of the budget)" make_root
git clone --quiet --no-local "$source_dir" "$bare/betimes"
worst=0
for command in "$@"; do
  echo "== $command"
  timed "$command" in_root "$command" </dev/null || worst=1
done
if [[ -n ${RESULTS-} ]]; then
  mkdir -p "$RESULTS"
  for log in "$bare"/betimes/build/*/setup.log; do
    cp "$log" "$RESULTS/$(basename "$(dirname "$log")").log"
  done
fi
printf '\n%s cores, commit %s\n' "$(nproc)" "$(git -C "$bare/betimes" rev-parse --short HEAD)"
printf '%s\n' "${report[@]}"
exit "$worst"
