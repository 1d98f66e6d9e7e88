#!/usr/bin/env bash
# Runs the commands of all documents, and checks their links and JSON.
#
#   tests/documents/run.sh BINARY FAKE_CLOUDWATCH
#
# The commands run with the binary on PATH, in a scratch directory, in a network of their own that
# has no way out: what publishes does so to the fake CloudWatch. Exits with 3 where this machine
# does not let it.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "$1") server=$(realpath "$2")
work=$PWD/target/documents
rm -rf "$work"
mkdir -p "$work/bin" "$work/scratch"
cp "$binary" "$work/bin/cloudwatch_metrics_agent"

if ! unshare --map-root-user --net ip link set lo up; then
  echo "documents: no network of its own can be made here (unshare --net)" >&2
  exit 3
fi
exec unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
  python3 tests/documents/check.py "$work" "$server"
