#!/usr/bin/env bash
# The image of docker/Dockerfile and the demo of docker/compose.yaml, with a binary that is there.
#
#     tests/docker/image.sh BINARY [unittest options]
#
# Base images cannot be had everywhere, so the stage that compiles does not run: what comes after it is
# built as it stands, with local images that have the names of the base images. Starts a Docker engine
# of its own, takes about a minute, and needs root. Installs on Debian what is not there. Exits with
# 3, and says why, where it cannot run.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [unittest options]" >&2; exit 1; }
BINARY=$(realpath "$1")
shift
data=$(realpath -m "$(dirname "$0")/../../target/docker-image")
source "$(dirname "$0")/engine.sh"

be_root "$BINARY" "$@"
cd "$(dirname "$0")"
root=$(realpath ../..)

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) cannot "there is no image for $(uname -m)" ;;
esac
need python3 python3
python3 -c 'import ensurepip' 2> /dev/null || needs+=(python3-venv)
# Compose is a program of its own, or a part of the client.
docker compose version > /dev/null 2>&1 || need docker-compose docker-compose
need tini tini
install_needs
venv=$root/target/venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r ../e2e/requirements.txt

rm -rf "$data"
mkdir -p "$data"/{"build/$architecture",busybox/bin,python/docker/demo,agent}
start_engine

# The stage `build`.
cp "$BINARY" "$data/build/$architecture/cloudwatch_metrics_agent"
printf 'FROM scratch\nCOPY %s /%s\n' $architecture $architecture > "$data/build/Dockerfile"
build_image build "$data/build"

# The base image of the stage `demo`.
unpack_busybox "$data/packages"
cp "$(find "$data/packages" -path '*/bin/busybox' -print -quit)" "$data/busybox/bin/"
for program in sh dd sleep timeout; do ln -s busybox "$data/busybox/bin/$program"; done
printf 'FROM scratch\nCOPY bin /bin\n' > "$data/busybox/Dockerfile"
build_image "$(sed -n 's/^FROM \(busybox:.*\) AS demo$/\1/p' "$root/docker/Dockerfile")" "$data/busybox"

# All that follows the stage `build`. The old builder does not know the arguments of the platform.
sed '1,/^RUN scripts\/release\/build.sh/d' "$root/docker/Dockerfile" > "$data/agent/Dockerfile"
build_image agent-demo "$data/agent" --build-arg TARGETARCH=$architecture --target demo
build_image agent "$data/agent" --build-arg TARGETARCH=$architecture --build-arg VERSION=1.2.3 \
  --build-arg REVISION=0123abc --build-arg CREATED=2026-01-02T03:04:05Z --build-arg SOURCE=https://example.com/agent

# The demo's Python is this machine's, which image.py mounts: the packages need no network then.
cp "$root/docker/demo/show.py" "$data/python/docker/demo/"
sed -e 's/^FROM .*/FROM scratch/' -e '/requirements.txt/d' "$root/docker/demo/Dockerfile" > "$data/python/Dockerfile"
build_image agent-python "$data/python"

export BINARY VENV=$venv DATA=$data
[ $# -gt 0 ] || set -- image
run_tests "$@"
