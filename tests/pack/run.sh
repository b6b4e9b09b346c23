#!/bin/bash
# The archive of `betimes probe --pack` on a machine that has nothing: it must be under 60 MB, find
# every library in itself, and measure with an empty environment; as root also where there is no
# other file at all.
#   tests/pack/run.sh BETIMES SCRATCH_FOLDER
set -eu
betimes=$1
scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch"
"$betimes" probe --pack "$scratch/probe.tar.gz"
bytes=$(stat -c %s "$scratch/probe.tar.gz")
[[ $bytes -lt 60000000 ]] || { echo "pack: $bytes bytes, 60 MB at most"; exit 1; }
tar -xzf "$scratch/probe.tar.gz" -C "$scratch"
packed=$scratch/betimes-probe
foreign=$("$packed"/lib/ld-* --library-path "$packed/lib" --list "$packed/betimes" |
  grep -v -e "$packed/lib/" -e linux-vdso || true)
[[ -z $foreign ]] || { echo "pack: libraries from elsewhere: $foreign"; exit 1; }
env -i /bin/sh "$packed/probe" --max-seconds 0.5 --name packed -o "$scratch/there.device"
grep -q '"name": "packed"' "$scratch/there.device"
if [[ $(id -u) == 0 ]] && chroot / true 2>/dev/null; then
  loader=$(cd "$packed/lib" && echo ld-*)
  mkdir -p "$packed/proc" "$packed/tmp"
  mount -t proc proc "$packed/proc" 2>/dev/null && trap 'umount "$packed/proc"' EXIT
  env -i "$(command -v chroot)" "$packed" "/lib/$loader" --library-path /lib /betimes probe --max-seconds 0.5 --json |
    grep -q '"format": "betimes-device"'
  echo "pack: measured where nothing else is"
fi
echo "pack: $bytes bytes"
