#!/usr/bin/env bash
# Shows everything at once on this machine, without AWS and without Docker: a service that is overloaded now and then,
# the agent with checks, alarms, history and page, and a local CloudWatch that prints what arrives.
#
#     scripts/demo.sh [--seconds N] [--port N] [--binary PATH] [--receiver PATH]
#     scripts/demo.sh --help
#
# It says what to open and to type, and runs until Ctrl-C, or for N seconds. The page is at --port, 8091 by default; the
# service and the local CloudWatch have the two ports after it. All of them answer this machine alone. The agent and the
# local CloudWatch (tests/fake-cloudwatch) are those below target/, and are built where they are not there. DEMO_TURN is
# for how many seconds the service is idle, and then overloaded: 25. With Docker: docker compose -f docker/compose.yaml up.
set -euo pipefail
usage() { echo "usage: $0 [--seconds N] [--port N] [--binary PATH] [--receiver PATH] | --help" >&2; exit 2; }
help() {
  cat << 'HELP'
Usage: scripts/demo.sh [OPTIONS]

Shows all of the agent on this machine, without AWS and without Docker: a service that is overloaded now and then, the
agent with checks, alarms, thresholds, history and page, and a local CloudWatch that prints what arrives. It says what to
open and to type, and runs until Ctrl-C.

It needs: Linux, python3, and Rust with a C compiler (https://rustup.rs) to build the agent and the local CloudWatch,
once. It needs no Rust where both are given, or built already. With Docker in place of all that:
docker compose -f docker/compose.yaml up --build

Options:
  --seconds N      End after N seconds, 1 to 99999 [default: at Ctrl-C]
  --port N         Port of the page; the two ports after it are taken, too [default: 8091]
  --binary PATH    The agent [default: that below target/, which is built if it is not there]
  --receiver PATH  The local CloudWatch [default: the same]
  --help, -h       Print this

DEMO_TURN is for how many seconds the service is idle, and then overloaded: 25 by default.
HELP
}
cannot() { echo "demo: $*" >&2; exit 1; }

root=$(realpath "$(dirname "$0")/..")
seconds='' port=8091 binary='' receiver=''
while [ $# -gt 0 ]; do
  case $1 in --help | -h) help && exit ;; esac
  [ $# -ge 2 ] || usage
  case $1 in
    --seconds) seconds=$2 ;;
    --port) port=$2 ;;
    --binary) binary=$2 ;;
    --receiver) receiver=$2 ;;
    *) usage ;;
  esac
  shift 2
done
number='^[1-9][0-9]{0,4}$'
[[ $port =~ $number ]] && [ "$port" -le 65533 ] || cannot "--port $port: expected a number from 1 to 65533"
[[ -z $seconds || $seconds =~ $number ]] || cannot "--seconds $seconds: expected a number from 1 to 99999"
[ "$(uname -s)" = Linux ] || cannot "it needs Linux. With Docker: docker compose -f docker/compose.yaml up"
command -v python3 > /dev/null || cannot "it needs python3, for the page of the service and for what it prints"

for path in ${binary:+"$binary"} ${receiver:+"$receiver"}; do
  [ -x "$path" ] && [ -f "$path" ] || cannot "there is no program at $path"
done
# of PATH...: the first program that is there.
of() {
  local path
  for path; do [ -x "$path" ] && realpath "$path" && return; done
  return 1
}
# build TEXT OPTION...: what is not there yet.
build() {
  command -v cargo > /dev/null || cannot "$1 was not built yet, and there is no cargo: install Rust, from https://rustup.rs"
  echo "demo: building $1, once; this takes some minutes" >&2
  (cd "$root" && cargo build --locked "${@:2}") || cannot "$1 cannot be built"
}
target=${CARGO_TARGET_DIR:-$root/target}
if [ -z "$binary" ]; then
  built=$target/release/cloudwatch_metrics_agent
  binary=$(of "$target/$(uname -m)-unknown-linux-musl/release/cloudwatch_metrics_agent" "$built") ||
    { build "the agent" --release && binary=$(realpath "$built"); }
fi
if [ -z "$receiver" ]; then
  built=$target/debug/fake-cloudwatch
  receiver=$(of "$built") || { build "the local CloudWatch" -p fake-cloudwatch && receiver=$(realpath "$built"); }
fi
binary=$(realpath "$binary") receiver=$(realpath "$receiver")
cd "$root"

for one in "$port" $((port + 1)) $((port + 2)); do
  ! (exec 3<> "/dev/tcp/127.0.0.1/$one") 2> /dev/null ||
    cannot "something listens at port $one already: choose three others with --port, such as --port $((port + 100))"
done

# Each job has a group of processes of its own: Ctrl-C reaches this script alone, which ends them in order.
set -m
folder='' agent='' arrivals='' timer=''
# However this script ends, nothing of it is left.
end() {
  local code=$? ended=0
  trap - EXIT
  trap '' INT TERM HUP
  # The agent ends its command, and sends what it has measured so far.
  if [ -n "$agent" ]; then
    kill -TERM "$agent" 2> /dev/null || true
    wait "$agent" || ended=$?
    # 143 is that of SIGTERM: it had not begun.
    [ $code -ne 0 ] || [ $ended -eq 143 ] || code=$ended
  fi
  # It would tell of each job that a signal has ended.
  exec 2> /dev/null
  [ -z "$timer" ] || kill -TERM -- "-$timer" || true
  # The local CloudWatch alone: what prints for it ends with its output, when all of that is printed.
  [ -z "$arrivals" ] || kill -TERM "$arrivals" || true
  wait
  [ -z "$folder" ] || rm -rf "$folder"
  echo "demo: ended"
  exit $code
}
trap end EXIT
trap 'exit 0' INT TERM HUP
folder=$(mktemp -d --tmpdir demo.XXXXXX)

"$receiver" --port $((port + 2)) | python3 docker/demo/received.py &
arrivals=$(jobs -p %%)

# So the user need not type where the agent is and what its token is.
cat > "$folder/agent" << END
#!/bin/sh
export CLOUDWATCH_METRICS_AGENT_API=127.0.0.1:$port CLOUDWATCH_METRICS_AGENT_API_TOKEN_FILE=$folder/token
exec "$binary" "\$@"
END
chmod +x "$folder/agent"
export CLOUDWATCH_METRICS_AGENT_API_TOKEN_FILE=$folder/token CLOUDWATCH_METRICS_AGENT_STORE=$folder/history
export DEMO_PAGE=http://127.0.0.1:$port/ DEMO_SERVICE_PORT=$((port + 1)) DEMO_AGENT=$folder/agent DEMO_BINARY=$folder/agent
export AWS_ENDPOINT_URL_CLOUDWATCH=http://127.0.0.1:$((port + 2)) AWS_REGION=eu-west-1
export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_EC2_METADATA_DISABLED=true
docker/demo/start.sh &
agent=$!
if [ -n "$seconds" ]; then
  (sleep "$seconds" && kill -TERM $$) &
  timer=$!
fi
code=0
wait "$agent" || code=$?
agent=''
exit $code
