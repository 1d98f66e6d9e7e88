#!/usr/bin/env bash
# The image of docker/Dockerfile and the demo of docker/compose.yaml, with a binary that is there.
#
#     tests/docker/image.sh BINARY [unittest options]
#
# Base images cannot be had everywhere, so they are local images with the same names, and
# scripts/release/build.sh is one that does not compile. Else docker/Dockerfile is built as it stands, by
# the legacy builder and, for two platforms, by BuildKit. Starts a Docker engine
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

need python3 python3
python3 -c 'import ensurepip' 2> /dev/null || needs+=(python3-venv)
# Compose is a program of its own, or a part of the client.
docker compose version > /dev/null 2>&1 || need docker-compose docker-compose
need tini tini
install_needs
venv=$root/target/venv
../e2e/venv.sh

rm -rf "$data"
mkdir -p "$data"/{rust/bin,busybox/bin,python/docker/demo,agent/scripts/release,agent/docker/demo}
start_engine

unpack_busybox "$data/packages"
# base IMAGE FOLDER PROGRAM...: a base image with these of busybox.
base() {
  local image=$1 folder=$data/$2 program
  shift 2
  cp "$(find "$data/packages" -path '*/bin/busybox' -print -quit)" "$folder/bin/"
  for program; do ln -s busybox "$folder/bin/$program"; done
  printf 'FROM scratch\nCOPY bin /bin\n' > "$folder/Dockerfile"
  build_image "$image" "$folder"
}
rust=$(sed -n 's/^ARG RUST=//p' "$root/docker/Dockerfile")
printf '#!/bin/sh\n' > "$data/rust/bin/apt-get"
chmod +x "$data/rust/bin/apt-get"
base "rust:$rust-slim-bookworm" rust sh cp mkdir rm uname
base "$(sed -n 's/^FROM \(busybox:.*\) AS demo$/\1/p' "$root/docker/Dockerfile")" busybox \
  sh cat chmod dd dirname echo grep httpd mktemp od rm sleep tr

cp "$root/docker/Dockerfile" "$data/agent/docker/"
cp "$root"/docker/demo/{agent.yaml,service.sh,start.sh} "$data/agent/docker/demo/"
cp "$BINARY" "$data/agent/binary"
# Of another architecture than this machine's it is the same binary, and image.py sees which was asked for.
cat > "$data/agent/scripts/release/build.sh" << 'END'
#!/bin/sh -e
case $1 in x86_64 | aarch64 | amd64 | arm64) ;; *) echo "no architecture: $1"; exit 2 ;; esac
[ "$(uname -m)" = HERE ] || { echo "it runs in an emulation"; exit 1; }
mkdir -p "$2"
cp binary "$2/cloudwatch_metrics_agent"
END
sed -i "s/HERE/$(uname -m)/" "$data/agent/scripts/release/build.sh"
chmod +x "$data/agent/scripts/release/build.sh"
# build_agent IMAGE [OPTION...]: as the README has it, without BuildKit.
build_agent() {
  local image=$1
  shift
  DOCKER_BUILDKIT=0 docker build -f "$data/agent/docker/Dockerfile" -t "$image" --network none "$@" "$data/agent" \
    > "$run/build" 2>&1 || { cat "$run/build" >&2; exit 1; }
}
build_agent agent-demo --target demo
build_agent agent --build-arg VERSION=1.2.3 --build-arg REVISION=0123abc --build-arg CREATED=2026-01-02T03:04:05Z \
  --build-arg SOURCE=https://example.com/agent
tar -C "$data/agent" -cf "$data/agent.tar" .

# The demo's Python is this machine's, which image.py mounts: the packages need no network then.
cp "$root/docker/demo/show.py" "$data/python/docker/demo/"
sed -e 's/^FROM .*/FROM scratch/' -e '/requirements.txt/d' "$root/docker/demo/Dockerfile" > "$data/python/Dockerfile"
build_image agent-python "$data/python"

export BINARY VENV=$venv DATA=$data
[ $# -gt 0 ] || set -- image
run_tests "$@"
