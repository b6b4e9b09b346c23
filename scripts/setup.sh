# shellcheck shell=bash disable=SC2154 # the caller sets name (itself, for messages) and root (the repository)
# Sourced by ./betimes and ./check: installs what packages.txt lists, configures and builds.
# Nothing here writes to standard output: that belongs to the program that is being started.

say() { printf '%s: %s\n' "$name" "$*" >&2; }
fail() { say "$@"; exit 2; }

# with_progress LOG LABEL COMMAND...: everything the command prints goes to LOG; a terminal shows the
# latest line of it, anything else one line when it's done. A failure shows the end of the log.
with_progress() {
  local log=$1 label=$2 line started=$SECONDS width=80 status
  shift 2
  [[ -t 2 ]] && width=$(tput cols 2>/dev/null || echo 80)
  "$@" 2>&1 </dev/null 8>&- 9>&- | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [[ -t 2 ]]; then
      line="$name: $label: ${line//[^[:print:]]/ }"
      printf '\r\033[K%s' "${line:0:width-1}" >&2
    fi
  done
  status=${PIPESTATUS[0]}
  [[ -t 2 ]] && printf '\r\033[K' >&2
  if ((status != 0)); then
    tail -n 40 "$log" >&2
    say "$label failed; the whole log: $log"
    return "$status"
  fi
  say "$label: done in $((SECONDS - started)) s"
}

# missing_packages GROUP...: those of these groups in packages.txt that aren't installed.
missing_packages() {
  local group package wanted=() installed
  while read -r group package; do
    [[ " $* " == *" $group "* ]] && wanted+=("$package")
  done <"$root/packages.txt"
  # shellcheck disable=SC2016 # the braces are dpkg-query's own
  installed=" $(dpkg-query -W -f='${Package}=${db:Status-Status} ' "${wanted[@]}" 2>/dev/null) "
  for package in "${wanted[@]}"; do
    [[ $installed == *" $package=installed "* ]] || printf '%s ' "$package"
  done
}

# One apt-get that waits for another one's lock and asks nothing.
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"
}

fetch_and_install() {
  local fresh=false
  if ! apt-get --simulate install --no-install-recommends "$@" >/dev/null 2>&1; then
    apt_get update || return
    fresh=true
  fi
  apt_get install --no-install-recommends "$@" && return
  # Package lists that are too old name files that are gone: fetch them once more.
  ! $fresh && apt_get update && apt_get install --no-install-recommends "$@"
}

# install_packages LOG GROUP...
install_packages() {
  local log=$1 missing
  shift
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "no apt here: taking the packages that packages.txt names ($*) as installed"
    return
  fi
  read -ra missing <<<"$(missing_packages "$@")"
  ((${#missing[@]} == 0)) && return
  as_root=()
  if ((EUID != 0)); then
    if sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    elif [[ -t 0 && -t 2 ]] && command -v sudo >/dev/null && sudo -v -p "$name: password for sudo: "; then
      as_root=(sudo)
    else
      say "packages are missing and neither root nor sudo is at hand; run this, then $name again:"
      printf '  sudo apt-get update && sudo apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
      exit 2
    fi
  fi
  exec 8<"$root/packages.txt" # 8 and 9 are locks; with_progress keeps them from what it starts
  flock 8                     # two commands at once (./betimes beside ./check) take turns
  read -ra missing <<<"$(missing_packages "$@")"
  if ((${#missing[@]} > 0)); then
    with_progress "$log" "installing ${#missing[@]} packages" fetch_and_install "${missing[@]}" || exit 2
  fi
  exec 8<&-
}

# writable_folder DIR: makes it, or stops with what to do.
writable_folder() {
  mkdir -p "$1" 2>/dev/null && [[ -w $1 ]] && return
  fail "can't write to $1; set BETIMES_BUILD_DIR to a folder that can be written"
}

# configure_and_build LOG PRESET DIR [CMAKE OPTION...]
configure_and_build() {
  local log=$1 preset=$2 dir=$3
  shift 3
  # A build folder remembers where the sources were; after a move CMake would refuse it.
  if [[ -f $dir/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
    rm -rf "$dir/CMakeCache.txt" "$dir/CMakeFiles"
  fi
  with_progress "$log" "configuring ($preset)" \
    cmake -S "$root" --preset "$preset" -B "$dir" "$@" || return
  with_progress "$log" "building ($preset)" cmake --build "$dir"
}
