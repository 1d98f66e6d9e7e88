#!/usr/bin/env bash
# The real binary sends OTLP to a receiver that decodes it with generated code, holds it to the limits of
# CloudWatch, and checks the signature with botocore.
#
#     tests/otlp/run.sh BINARY [CASE...]
#
# Installs below target/ what is not there. Exits with 3, and says why, where this machine cannot run it.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [CASE...]" >&2; exit 1; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
python=$(tests/otlp/venv.sh)
exec "$python" -B tests/otlp/cases.py "$binary" "$@"
