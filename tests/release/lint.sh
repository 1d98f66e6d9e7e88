#!/usr/bin/env bash
# What nothing here can run as a whole: the Dockerfiles, the workflows, the Compose file and the shell
# scripts, by the rules of their linters and schemas; and the steps of a release that replace an older one.
#
#     tests/release/lint.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
command -v shellcheck > /dev/null || needs+=(shellcheck)
python3 -c 'import ensurepip' 2> /dev/null || needs+=(python3-venv)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi
venv=target/lint-venv
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/release/requirements.txt

# Debian keeps no old versions of a package that could be pinned.
$venv/bin/hadolint --ignore DL3008 docker/Dockerfile docker/Dockerfile.tini docker/Dockerfile.dumb-init docker/demo/Dockerfile
$venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml \
  examples/compose/*.yaml
$venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
$venv/bin/zizmor --quiet --offline .github/workflows
# And what the one of releases replaces.
(cd tests/release && PYTHONDONTWRITEBYTECODE=1 ../../$venv/bin/python -m unittest --quiet workflow)
# Each action by the commit, and its version beside it.
if grep -n 'uses:' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v[0-9.]+$'; then
  echo "these actions are not pinned" >&2
  exit 1
fi
shellcheck --external-sources --source-path=SCRIPTDIR --severity=warning \
  scripts/release.sh scripts/check_macos.sh scripts/release/*.sh tests/release/*.sh tests/docker/{run,image,engine}.sh docker/entrypoint.sh \
  tests/examples/ansible.sh tests/examples/ansible_packages.sh examples/plugins/*.sh docker/demo/*.sh scripts/demo.sh scripts/sidecar.sh scripts/static.sh scripts/history.sh scripts/history/*.sh tests/api/*.sh tests/page/*.sh
echo "lints: none"
