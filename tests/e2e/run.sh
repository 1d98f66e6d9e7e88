#!/usr/bin/env bash
# What arrives at an independent implementation of CloudWatch, read back with boto3.
#
#     tests/e2e/run.sh BINARY
#
# Exits with 3 where there is no Python of at least 3.10 with venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$1
python=
for name in python3.13 python3.12 python3.11 python3.10 python3; do
  if command -v $name > /dev/null && $name -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    python=$name
    break
  fi
done
if [ -z "$python" ] || ! { [ -x target/venv/bin/python ] || $python -m venv target/venv; }; then
  echo "there is no Python of at least 3.10 with venv" >&2
  exit 3
fi
target/venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/e2e/requirements.txt
target/venv/bin/python tests/e2e/ministack.py "$binary"
target/venv/bin/python tests/e2e/distribution.py "$binary"
