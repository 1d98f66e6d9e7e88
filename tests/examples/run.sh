#!/usr/bin/env bash
# The examples by the rules of their formats, and with the real binary.
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

python=
for name in python3.13 python3.12 python3.11 python3.10 python3; do
  command -v $name > /dev/null || continue
  $name -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || continue
  python=$name
  break
done
[ -n "$python" ] || cannot "there is no Python of at least 3.10"
[ -x target/venv/bin/python ] || "$python" -m venv target/venv || cannot "Python has no venv"
PATH=$PWD/target/venv/bin:$PATH
pip() { python -m pip --quiet --disable-pip-version-check "$@"; }
pip install -r tests/examples/requirements.txt

# The schema of Terraform's AWS provider is the one file that is wanted of its bindings.
bindings=cdktf_cdktf_provider_aws-21.22.1
provider=target/examples/$bindings.json
if ! [ -s "$provider" ]; then
  mkdir -p target/examples
  download=$(mktemp -d target/examples/download.XXXXXX)
  pip download --no-deps --dest "$download" cdktf-cdktf-provider-aws==21.22.1
  python tests/examples/assembly.py "$download"/$bindings-*.whl "$download/assembly"
  mv "$download/assembly" "$provider"
  rm -r "$download"
fi

mkdir -p target/examples/cdk
cp examples/cdk/package.json target/examples/cdk/
(
  cd target/examples/cdk
  npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts
)

PYTHONDONTWRITEBYTECODE=1 exec python tests/examples/check.py "$binary" "$provider" target/examples/cdk
