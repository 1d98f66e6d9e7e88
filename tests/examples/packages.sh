#!/usr/bin/env bash
# Makes below target/ what the tests of the examples need of the registries of Python and Node.js, where it is not
# there. Exits with 3, and says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "examples: $*" >&2; exit 3; }

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
tests/examples/ansible_packages.sh

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
