#!/usr/bin/env bash
# The agent in real containers, against the counters that the machine has of them, and beside a
# command with docker/entrypoint.sh.
#
#     tests/docker/run.sh BINARY FAKE_CLOUDWATCH [unittest options]
#
# Starts a Docker engine of its own and builds images from nothing; takes about three minutes and
# needs root. Installs on Debian what is not there. Exits with 3, and says why, where it cannot run.
# With SCOPE=host in the environment the agents measure the wrong thing, and the test must fail.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 BINARY FAKE_CLOUDWATCH [unittest options]" >&2; exit 1; }
binary=$(realpath "$1")
FAKE_CLOUDWATCH=$(realpath "$2")
export FAKE_CLOUDWATCH
shift 2

cannot() { echo "docker test: $*" >&2; exit 3; }

[ "$(uname -s)" = Linux ] || cannot "it needs Linux, and this is $(uname -s)"
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2> /dev/null || cannot "it needs root, to start an engine"
  exec sudo -n env SCOPE="${SCOPE:-}" "$(realpath "$0")" "$binary" "$FAKE_CLOUDWATCH" "$@"
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
need tini tini
need dumb-init dumb-init
if [ ${#needs[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || cannot "there is no apt-get to install ${needs[*]} with"
  apt-get update -qq || cannot "apt-get update failed"
  install "${needs[@]}" || cannot "these packages cannot be installed: ${needs[*]}"
fi
# Newer releases have the client in a package of its own.
command -v docker > /dev/null || install docker-cli || cannot "there is no docker client"

groups=/sys/fs/cgroup
# meter.py knows it too.
group=agent-test
data=$(realpath -m ../../target/docker)
# Paths of sockets must be short.
run=$(mktemp -d)
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run/config
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
engine=
test=
finish() {
  [ -z "$test" ] || kill "$test" 2> /dev/null || true
  if [ -n "$engine" ]; then
    # It takes its containers with it.
    kill "$engine" 2> /dev/null || true
    wait "$engine" 2> /dev/null || true
    umount "$run"/exec/netns/* 2> /dev/null || true
    rmdir $groups/$group $groups/*/$group 2> /dev/null || true
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
echo '{}' > "$run/settings"
dockerd --config-file "$run/settings" --host "$DOCKER_HOST" --pidfile "$run/pid" \
  --data-root "$data/engine" --exec-root "$run/exec" \
  --containerd-namespace "test-$$" --containerd-plugins-namespace "test-plugins-$$" \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$group" \
  --iptables=false --bridge=none > "$run/log" 2>&1 &
engine=$!
grep -q "API listen on" < <(timeout 30 tail -n +1 -f --pid="$engine" "$run/log") ||
  cannot "the engine does not start: $(tail -n 3 "$run/log")"
able=$(docker info --format '{{.MemoryLimit}} {{.CPUCfsQuota}} {{.CPUSet}}' 2> /dev/null)
[ "$able" = "true true true" ] || cannot "the engine cannot limit memory, CPU time and CPUs here: $able"

DOCKER_BUILDKIT=0 docker build --quiet --tag agent "$data/image" > /dev/null 2> "$run/build" ||
  cannot "the engine builds no image: $(tail -n 3 "$run/build")"
source images.sh

# From 125 on, the code is the engine's; the load without arguments only refuses.
code=0
docker run --rm --network none --memory 64m --cpus 0.5 agent /load 2> "$run/first" || code=$?
[ "$code" -lt 125 ] || cannot "the engine runs no container: $(tail -n 3 "$run/first")"

# The containers have the CPU time that they ask for, whatever else this machine does: then their
# load is steady, and it matters less that the agent and the test take their samples apart.
if [ -e $groups/cpu/$group/cpu.shares ]; then
  echo 262144 > $groups/cpu/$group/cpu.shares
else
  echo 10000 > $groups/$group/cpu.weight
fi

# In the background, where a signal to this script does not wait for it.
[ $# -gt 0 ] || set -- check events inits
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest "$@" &
test=$!
wait "$test"
