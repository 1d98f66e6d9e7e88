#!/usr/bin/env bash
# The socket for clients of collectd of the real binary, asked by the real ones: Debian's collectdctl and collectd-nagios.
#
#     tests/api/collectd.sh BINARY
#
# Exits with 3, and says why, where they are not installed (package collectd-utils).
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 BINARY" >&2; exit 1; }
binary=$(realpath "$1")
for program in collectdctl collectd-nagios; do
  command -v $program > /dev/null || { echo "collectd: no $program here: install collectd-utils" >&2; exit 3; }
done
cd "$(dirname "$0")/../.."
work=target/collectd
rm -rf $work
mkdir -p $work
# The path of a socket has at most 107 bytes.
folder=$(mktemp -d)
socket=$folder/collectd.sock
cat > $work/agent.yaml << 'END'
checks:
  load: {type: agent.load_average, period: 1}
  jobs: {type: agent.push, period: 1}
END
"$binary" --dry-run --live=no --config $work/agent.yaml --collectd-socket "$socket" > $work/agent.out 2> $work/agent.err < /dev/null &
agent=$!
trap 'kill -KILL $agent 2> /dev/null || true; rm -rf "$folder"' EXIT

failed=0
fail() { echo "collectd: $*" >&2; failed=1; }
# Runs a client, and keeps what it says: both of its outputs, and how it ends.
ask() { code=0; said=$("$@" 2>&1) || code=$?; }
expect() { # expect CODE PATTERN COMMAND...
  local wanted=$1 pattern=$2
  shift 2
  ask "$@"
  # The pattern is one.
  # shellcheck disable=SC2254
  case $said in $pattern) ;; *) code="$code, and said" ;; esac
  [ "$code" = "$wanted" ] || fail "$*: $code: $said (expected $wanted, and $pattern)"
}
ctl() { expect "$1" "$2" collectdctl -s "$socket" "${@:3}"; }

host=$(uname -n)
deadline=$((SECONDS + 30))
until ask collectdctl -s "$socket" getval "$host/load/gauge-1m"; [ "$code" = 0 ]; do
  if ! kill -0 $agent 2> /dev/null || ((SECONDS > deadline)); then
    cat $work/agent.err >&2
    echo "collectd: there is no value: $said" >&2
    exit 1
  fi
  sleep 0.1
done

ctl 0 "value=*e*" getval "$host/load/gauge-1m"
ctl 0 "*$host/load/gauge-15m*" listval
ctl 255 "ERROR: Server error: No such value." getval "$host/load/gauge-none"
ctl 0 "" putval "$host/jobs/gauge-queue" interval=10 N:7
ctl 0 "value=7.0*e+00" getval "$host/jobs/gauge-queue"
ctl 0 "" putval "$host/jobs/gauge-queue" N:8 N:9.5
ctl 0 "value=9.5*e+00" getval "$host/jobs/gauge-queue"
# The check of this id is made when its first value comes.
ctl 0 "" putval "box/push/gauge-sp ace" N:3
ctl 0 "value=3.0*e+00" getval "box/push/gauge-sp ace"
ctl 0 "*box/push/gauge-sp ace*" listval
ctl 255 "ERROR: Server error: check nosuch not found: *" putval "$host/nosuch/gauge-a" N:1
ctl 255 "ERROR: Server error: *which takes no values*" putval "$host/load/gauge-1m" N:1
ctl 0 "*" flush
ctl 0 "*" flush timeout=10 plugin=console identifier="$host/jobs/gauge-queue"
# It says so, and ends with 0 all the same.
ctl 0 "*Plugin \`nosuch' not found*" flush plugin=nosuch

nagios() { expect "$1" "$2" collectd-nagios -s "$socket" -H "$host" "${@:3}"; }
nagios 0 "OKAY: *value=9.5*" -n jobs/gauge-queue -w 0:20 -c 0:50
nagios 1 "WARNING: *" -n jobs/gauge-queue -w 0:5 -c 0:50
nagios 2 "CRITICAL: *" -n jobs/gauge-queue -w 0:5 -c 0:8
nagios 0 "OKAY: *" -n load/gauge-1m -w 0:100000 -c 0:200000

kill -TERM $agent
code=0
wait $agent || code=$?
[ "$code" -eq 0 ] || fail "SIGTERM: exit code $code"
[ ! -e "$socket" ] || fail "the socket is still there"
trap - EXIT
rm -rf "$folder"
if [ $failed -ne 0 ]; then
  cat $work/agent.err >&2
  exit 1
fi
echo "collectd: collectdctl and collectd-nagios work"
