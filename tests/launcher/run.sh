#!/bin/bash
# Tests ./betimes on a small tree of its own, with stand-ins for apt-get, dpkg-query and sudo.
#   run.sh REPOSITORY
set -u
repository=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree"/{apps,cmake,engine,scripts,systems} "$work/tools" "$work/elsewhere"
cp "$repository/betimes" "$tree/"
cp "$repository/scripts/setup.sh" "$tree/scripts/"
printf '# comment\nbuild one\nbuild two\ntest three\n' >"$tree/packages.txt"
cat >"$tree/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(Small LANGUAGES CXX)
file(GLOB sources CONFIGURE_DEPENDS engine/*.cc)
add_executable(betimes ${sources})
set_target_properties(betimes PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
END
echo '{"version": 6, "configurePresets": [{"name": "release", "generator": "Ninja", "binaryDir": "${sourceDir}/build/release"}]}' \
  >"$tree/CMakePresets.json"
echo '#include <cstdio>
int main(int n, char** a) { for (int i = 1; i < n; ++i) std::printf("%s|", a[i]); return 7; }' >"$tree/engine/main.cc"

# What dpkg-query and apt-get know is the file "installed".
cat >"$work/tools/dpkg-query" <<'END'
#!/bin/bash
while read -r package; do printf '%s=installed ' "$package"; done <"$STANDIN/installed"
END
cat >"$work/tools/apt-get" <<'END'
#!/bin/bash
echo "apt-get $*" >>"$STANDIN/calls"
[[ " $* " == *" --simulate "* && ! -e $STANDIN/lists ]] && exit 100
[[ " $* " == *" update "* ]] && touch "$STANDIN/lists"
[[ " $* " == *" install "* && " $* " != *" --simulate "* ]] && printf 'one\ntwo\n' >"$STANDIN/installed"
echo "noise on standard output"
END
printf '#!/bin/bash\nexit 1\n' >"$work/tools/sudo"
chmod +x "$work"/tools/*
export STANDIN=$work PATH=$work/tools:$PATH
: >"$work/calls"

failures=0
expect() { # expect WHAT EXPECTED FOUND
  [[ $2 == "$3" ]] && return
  failures=$((failures + 1))
  printf 'FAILED %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
}
# call [ARGUMENT...]: sets out, err, status
call() {
  out=$("${launcher[@]}" "$@" 2>"$work/err") && status=0 || status=$?
  err=$(<"$work/err")
}
launcher=("$tree/betimes")

# Without root: the exact command, exit 2, nothing on standard output.
chmod -R a+rwX "$work"
printf 'one\n' >"$work/installed"
if ((EUID == 0)); then launcher=(setpriv --reuid=65534 --regid=65534 --clear-groups "$tree/betimes"); fi
BETIMES_BUILD_DIR=$work/elsewhere/build call fit
expect 'status without root' 2 "$status"
expect 'standard output without root' '' "$out"
expect 'the command without root' '  sudo apt-get update && sudo apt-get install --no-install-recommends two' "${err##*$'\n'}"
expect 'apt-get without root' '' "$(<"$work/calls")"
launcher=("$tree/betimes")

# As root: lists are fetched because nothing is known, then what is missing is installed.
if ((EUID == 0)); then
  call 'a b' --json
  expect 'status after building' 7 "$status"
  expect 'standard output after building' 'a b|--json|' "$out"
  expect 'what was asked of apt-get' 'update,install --no-install-recommends two' \
    "$(sed -n 's/.*Use-Pty=0 //p' "$work/calls" | paste -sd,)"
else
  printf 'one\ntwo\n' >"$work/installed"
  call 'a b'
fi

# Unchanged: no word, no tool.
printf '#!/bin/bash\necho "cmake $*" >>"$STANDIN/calls"\nexec %q "$@"\n' "$(command -v cmake)" >"$work/tools/cmake"
chmod +x "$work/tools/cmake"
hash -r
: >"$work/calls"
call again
expect 'an unchanged call' '7 again|  ' "$status $out $err $(<"$work/calls")"

# Through a link, from elsewhere.
ln -s "$tree/betimes" "$work/elsewhere/link"
out=$(cd "$work/elsewhere" && ./link linked 2>&1)
expect 'through a link' 'linked|' "$out"

rebuilt() { grep -c -- '--build' "$work/calls"; }
sleep 0.01
sed -i 's/%s|/%s;/' "$tree/engine/main.cc"
call changed
expect 'a changed source' '7 changed; 1' "$status $out $(rebuilt)"

echo 'int unused() { return 1; }' >"$tree/engine/more.cc"
call added
rm "$tree/engine/more.cc"
call removed
expect 'an added and a removed source' '7 removed; 3' "$status $out $(rebuilt)"

# Two at once: one builds, both run.
: >"$work/calls"
touch "$tree/engine/main.cc"
"$tree/betimes" first >"$work/first" 2>/dev/null & "$tree/betimes" second >"$work/second" 2>/dev/null
wait
expect 'two at once' 'first;second; 1' "$(<"$work/first")$(<"$work/second") $(rebuilt)"

# A source that doesn't compile, then one that does.
echo 'int broken(' >"$tree/engine/broken.cc"
call nothing
expect 'a broken source' '3 ' "$status $out"
expect 'says where it broke' yes "$([[ $err == *broken.cc* ]] && echo yes)"
rm "$tree/engine/broken.cc"
call mended
expect 'after mending' '7 mended;' "$status $out"

# A folder that can't be made.
BETIMES_BUILD_DIR=/proc/nowhere call fit
expect 'an unwritable folder' '2 ' "$status $out"
expect 'says how to mend it' yes "$([[ $err == *BETIMES_BUILD_DIR* ]] && echo yes)"

# The tree has moved.
mv "$tree" "$work/moved"
launcher=("$work/moved/betimes")
call moved
expect 'a moved tree' '7 moved;' "$status $out"

((failures == 0)) && echo "the launcher does what it should"
exit $((failures > 0))
