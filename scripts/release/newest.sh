#!/usr/bin/env bash
# Says whether a tag is the newest release: only that one may take the place of the repositories for apt and dnf, of the
# image `latest`, and of the release that GitHub shows first.
#
#     scripts/release/newest.sh vVERSION
#
# Prints `newest=true` or `newest=false`, as a step of a workflow hands it on. It compares with the releases that GitHub
# has now, and so has to be asked right before something is replaced: a run may be repeated much later. A version with
# more than three numbers, such as 0.4.0-rc.1, is never the newest. Needs `gh`, with GH_REPO and GH_TOKEN.
set -euo pipefail
export LC_ALL=C

[ $# = 1 ] || { echo "usage: $0 vVERSION" >&2; exit 2; }
number='^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)'
[[ $1 =~ $number(-[0-9A-Za-z.-]+)?$ ]] || { echo "$0: the tag is $1, and not v and a version, such as v0.3.0" >&2; exit 2; }
releases=$(gh release list --limit 1000 --exclude-drafts --exclude-pre-releases --json tagName --jq '.[].tagName') ||
  { echo "$0: the releases are not known: gh release list has failed" >&2; exit 1; }
if ! [[ $1 =~ $number$ ]]; then
  echo newest=false
  exit
fi
# Tags of another form are no releases of this code.
newest=$( (printf '%s\n' "$1" "$releases" | grep -E "$number\$") | sort --version-sort | tail -n 1)
if [ "$newest" = "$1" ]; then echo newest=true; else echo newest=false; fi
