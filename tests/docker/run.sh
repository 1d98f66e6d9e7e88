#!/usr/bin/env bash
# The agent in real containers, against the counters that the machine has of them.
#
#     tests/docker/run.sh BINARY [unittest options]
#
# Starts a Docker engine of its own and builds an image from nothing; takes about two minutes and
# needs root. Installs on Debian what is not there. Exits with 3, and says why, where it cannot run.
# With SCOPE=host in the environment the agents measure the wrong thing, and the test must fail.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [unittest options]" >&2; exit 1; }
binary=$(realpath "$1")
shift

cannot() { echo "docker test: $*" >&2; exit 3; }

[ "$(uname -s)" = Linux ] || cannot "it needs Linux, and this is $(uname -s)"
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2> /dev/null || cannot "it needs root, to start an engine"
  exec sudo -n env SCOPE="${SCOPE:-}" "$(realpath "$0")" "$binary" "$@"
fi
# On a single core no CPU set would be a limit.
[ "$(nproc)" -ge 2 ] || cannot "it needs two cores"
cd "$(dirname "$0")"

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}
need dockerd docker.io
need musl-gcc musl-tools
need python3 python3
if [ ${#needs[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || cannot "there is no apt-get to install ${needs[*]} with"
  apt-get update -qq || cannot "apt-get update failed"
  install "${needs[@]}" || cannot "these packages cannot be installed: ${needs[*]}"
fi
# Newer releases have the client in a package of its own.
command -v docker > /dev/null || install docker-cli || cannot "there is no docker client"

data=$(realpath -m ../../target/docker)
# Paths of sockets must be short.
run=$(mktemp -d)
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run/config
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
engine=
finish() {
  if [ -n "$engine" ]; then
    # It takes its containers with it.
    kill "$engine" 2> /dev/null || true
    wait "$engine" 2> /dev/null || true
  fi
  rm -rf "$run" "$data"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

rm -rf "$data"
mkdir -p "$data/image"
musl-gcc -static -O2 -Wall -Wextra -Werror -o "$data/image/load" load.c
cp "$binary" "$data/image/agent"
printf 'FROM scratch\nCOPY agent load /\n' > "$data/image/Dockerfile"

# With a socket, files and a containerd of its own, it leaves an engine that is there alone. Its
# containers have no network: nothing on this machine is changed for them.
dockerd --host "$DOCKER_HOST" --data-root "$data/engine" --exec-root "$run/exec" \
  --pidfile "$run/pid" --containerd-namespace "test-$$" --containerd-plugins-namespace "test-plugins-$$" \
  --exec-opt native.cgroupdriver=cgroupfs --iptables=false --bridge=none > "$run/log" 2>&1 &
engine=$!
asked=0
until docker version > /dev/null 2>&1; do
  [ $((asked += 1)) -le 300 ] && kill -0 "$engine" 2> /dev/null ||
    cannot "the engine does not start: $(tail -n 3 "$run/log")"
  sleep 0.1
done
able=$(docker info --format '{{.MemoryLimit}} {{.CPUCfsQuota}} {{.CPUSet}}' 2> /dev/null)
[ "$able" = "true true true" ] || cannot "the engine cannot limit memory, CPU time and CPUs here: $able"

DOCKER_BUILDKIT=0 docker build --quiet --tag agent "$data/image" > /dev/null 2> "$run/build" ||
  cannot "the engine builds no image: $(tail -n 3 "$run/build")"
# Usage of the agent is as good as any other thing to do in a container.
docker run --rm --network none --memory 64m --cpus 0.5 agent /agent --version > /dev/null 2> "$run/first" ||
  cannot "the engine runs no container: $(tail -n 3 "$run/first")"

PYTHONDONTWRITEBYTECODE=1 python3 check.py "$@"
