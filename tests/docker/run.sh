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

data=$(realpath -m "$(dirname "$0")/../../target/docker")
source "$(dirname "$0")/engine.sh"

be_root "$binary" "$FAKE_CLOUDWATCH" "$@"
# On a single core no CPU set would be a limit.
[ "$(nproc)" -ge 2 ] || cannot "it needs two cores"
cd "$(dirname "$0")"

need musl-gcc musl-tools
need python3 python3
need tini tini
need dumb-init dumb-init
install_needs

rm -rf "$data"
mkdir -p "$data/image"
musl-gcc -static -O2 -Wall -Wextra -Werror -o "$data/image/load" load.c
musl-gcc -static -O2 -Wall -Wextra -Werror -o "$data/image/neighbour" neighbour.c
ln "$data/image/neighbour" "$data/image/pause"
ln "$data/image/neighbour" "$data/image/burst"
cp "$binary" "$data/image/agent"
printf 'FROM scratch\nCOPY agent load neighbour pause burst /\n' > "$data/image/Dockerfile"

start_engine
build_image agent "$data/image"
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

[ $# -gt 0 ] || set -- check events inits pod
run_tests "$@"
