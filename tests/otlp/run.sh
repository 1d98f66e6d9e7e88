#!/usr/bin/env bash
# The real binary sends OTLP to a receiver that decodes it with generated code, holds it to the limits of
# CloudWatch, and checks the signature with botocore; to VictoriaMetrics, which is asked by query what it
# has; and to the collector rotel, which sends on what it has understood.
#
#     tests/otlp/run.sh BINARY [CASE...]
#
# Puts below target/ what is not there. Exits with 3, and says why, where this machine cannot run some of it.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [CASE...]" >&2; exit 1; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
python=$(tests/otlp/venv.sh)
# Their path, or nothing where they cannot be had: the script has said why.
other() {
  local code=0
  "tests/otlp/$1.sh" || code=$?
  [ $code = 0 ] || [ $code = 3 ] || exit 1
}
VICTORIA_METRICS=$(other victoria_metrics)
ROTEL=$(other rotel)
export VICTORIA_METRICS ROTEL
exec "$python" -B tests/otlp/cases.py "$binary" "$@"
