#!/usr/bin/env bash
# The page of the API in Debian's Chromium, with the real binary: each view, zoom, live values, tokens, changes, keys, a phone, and what
# axe-core says of it.
#
#     tests/page/run.sh BINARY [WORD...]              all cases, or those that have one of these words in their names
#     tests/page/run.sh BINARY --pictures FOLDER      writes the pictures of docs/page.md there
#
# PAGE_OPEN is how many seconds the page stays open in the case of the memory, 20 by default. With PAGE_TIMES=1 the time to the
# first chart has to be below 300 ms; else it is only printed, because other work of the machine counts there.
# Installs what is not there. Exits with 3, and says why, where this machine cannot run it.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [WORD...|--pictures FOLDER]" >&2; exit 1; }
BINARY=$(realpath "$1")
shift
[ "${1:-}" != --pictures ] || set -- --pictures "$(realpath "$2")"
cd "$(dirname "$0")/../.."
cannot() { echo "page: $*" >&2; exit 3; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
needs=()
command -v node > /dev/null || needs+=(nodejs)
command -v npm > /dev/null || needs+=(npm)
command -v chromium > /dev/null || needs+=(chromium)
[ "${1:-}" != --pictures ] || command -v pngquant > /dev/null || needs+=(pngquant)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq || cannot "there are no lists of packages"
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null \
    || cannot "${needs[*]} cannot be installed"
fi
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' || cannot "Node.js is older than 18"
modules=target/page
mkdir -p $modules
if ! cmp -s tests/page/package-lock.json $modules/complete; then
  cp tests/page/package.json tests/page/package-lock.json $modules
  npm ci --prefix $modules --ignore-scripts --no-audit --no-fund --loglevel error || cannot "npm cannot install what it needs"
  cp tests/page/package-lock.json $modules/complete
fi
# Node looks for packages beside the modules that want them.
mkdir -p $modules/parts
cp tests/page/*.mjs $modules
cp src/api/page/*.js $modules/parts
export BINARY CHROMIUM PAGE_STORE PAGE_NOW_MS
CHROMIUM=$(command -v chromium)
PAGE_STORE=$(mktemp -d)
trap 'rm -rf "$PAGE_STORE"' EXIT
PAGE_NOW_MS=$(date +%s)000
cargo test --quiet --locked --test api -- --ignored --exact page::makes_two_days_of_data > /dev/null
node $modules/cases.mjs "$@"
if [ "${1:-}" = --pictures ]; then
  # Some 30 colours are all that there are.
  pngquant --force --ext .png --speed 1 64 "$2"/page.png "$2"/page-metric.png "$2"/page-phone.png
fi
