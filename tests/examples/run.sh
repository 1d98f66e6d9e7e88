#!/usr/bin/env bash
# The examples by the rules of their formats, and with the real binary; and scripts/demo.sh.
#
#     tests/examples/run.sh BINARY
#
# Installs on Debian what is not there, and below target/ what comes from the registries of Python
# and Node.js. Exits with 3, and says why, where it cannot run.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 BINARY" >&2; exit 1; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
cannot() { echo "examples: $*" >&2; exit 3; }

if ! command -v systemd-analyze > /dev/null; then
  command -v apt-get > /dev/null || cannot "there is no systemd-analyze"
  as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
  as_root apt-get update -qq || cannot "apt-get update failed"
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends systemd \
    > /dev/null || cannot "systemd-analyze cannot be installed"
fi

receiver=$PWD/target/debug/fake-cloudwatch
[ -x "$receiver" ] || cargo build --quiet --locked -p fake-cloudwatch
export PYTHONDONTWRITEBYTECODE=1
# It waits most of its time.
(cd tests/examples && BINARY=$binary RECEIVER=$receiver python3 -m unittest demo) > target/demo.log 2>&1 &
demo=$!

# Whatever comes of the rest, the demo is told.
code=0
tests/examples/packages.sh || code=$?
if [ $code -eq 0 ]; then
  PATH=$PWD/target/venv/bin:$PATH
  bindings=$(echo target/examples/cdktf_cdktf_provider_aws-*.json)
  python tests/examples/check.py "$binary" "$bindings" target/examples/cdk || code=1
fi
wait $demo || code=1
cat target/demo.log
[ $code -eq 0 ] || exit $code
