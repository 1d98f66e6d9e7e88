#!/usr/bin/env bash
# Makes target/api-venv, where it is not complete, and prints the path of its Python. Exits with 3, and
# says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "api: $*" >&2; exit 3; }
venv=target/api-venv
if ! [ -e $venv/complete ] || ! cmp -s tests/api/requirements.txt $venv/complete; then
  python=
  for name in python3.11 python3.10 python3; do
    command -v $name > /dev/null || continue
    # schemathesis needs 3.10; the client's set-up, and what it is built on, end with 3.11.
    $name -c 'import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 12))' 2> /dev/null || continue
    python=$name
    break
  done
  [ -n "$python" ] || cannot "there is no Python 3.10 or 3.11 with venv"
  "$python" -m venv --clear $venv || cannot "Python has no venv"
  pip() { $venv/bin/python -m pip --quiet --disable-pip-version-check "$@" >&2; }
  pip install -r tests/api/requirements.txt
  pip install --no-build-isolation --no-deps rackspace-monitoring==0.8.1
  cp tests/api/requirements.txt $venv/complete
fi
echo "$PWD/$venv/bin/python"
