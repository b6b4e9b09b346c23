# For the scripts beside it, which run from the repository's root and set `fix`.
stale=0

# check FILE NAME COMMAND...: what stands in FILE between "<!-- begin NAME" and "<!-- end NAME -->".
check() {
  local file=$1 name=$2 made
  shift 2
  made=$("$@") || { echo "$file: '$*' failed"; stale=1; return; }
  local whole
  whole=$(awk -v name="$name" -v made="$made" '
    $0 == "<!-- end " name " -->" { inside = 0 }
    !inside { print }
    index($0, "<!-- begin " name) == 1 { inside = 1; seen = 1; print made }
    END { exit !seen }' "$file") || { echo "$file: has no part '$name'"; stale=1; return; }
  [[ $whole == "$(<"$file")" ]] && return
  if [[ $fix == --fix ]]; then
    printf '%s\n' "$whole" >"$file.new" && mv "$file.new" "$file"
  else
    echo "$file: '$name' is stale; run ${BASH_SOURCE[1]} with --fix"
    stale=1
  fi
}
