#!/usr/bin/env bash
# Makes target/venv, with what reads from an independent CloudWatch. Exits with 3, and says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
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
