#!/usr/bin/env bash
# The API of the real binary, from outside: through an existing client library, by its own description,
# scraped by a real Prometheus, by ten clients that change everything, and by 50 clients at once for SECONDS (10).
#
#     tests/api/run.sh BINARY [SECONDS]
#
# Installs below target/ what is not there. The agent and all that asks it are in a network of their own
# that has no way out. Exits with 3, and says why, where this machine cannot run it.
set -euo pipefail
[ $# -eq 1 ] || [ $# -eq 2 ] || { echo "usage: $0 BINARY [SECONDS]" >&2; exit 1; }
seconds=${2:-10}
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
cannot() { echo "api: $*" >&2; exit 3; }

if [ -z "${API_TEST_NETWORK:-}" ]; then
  # Both load what they need, which the network of their own would not let them.
  tests/api/venv.sh > /dev/null
  scripts/history/prometheus.sh || cannot "Debian's Prometheus cannot be had here"
  unshare --map-root-user --net ip link set lo up || cannot "no network of its own can be made here (unshare --net)"
  # A proxy of the environment is not there either.
  unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
  API_TEST_NETWORK=own exec unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
    tests/api/run.sh "$binary" "$seconds"
fi

work=target/api
rm -rf $work
mkdir -p $work
read_token=a-token-that-may-read write_token=a-token-that-may-write
(umask 077; printf 'read %s\nwrite %s\n' $read_token $write_token > $work/tokens)
port=21437 # Nothing else is in this network.
url=http://127.0.0.1:$port

"$binary" --publish console --config tests/api/agent.yaml --store $work/history --store-sync 5 --api 127.0.0.1:$port \
  --api-token-file $work/tokens > $work/agent.out 2> $work/agent.err < /dev/null &
agent=$!
trap 'kill -KILL $agent 2> /dev/null || true' EXIT

# Nothing tells from outside when it answers.
ready() { curl --silent --fail --max-time 5 --output /dev/null $url/readyz; }
deadline=$((SECONDS + 30))
until ready; do
  if ! kill -0 $agent 2> /dev/null || ((SECONDS > deadline)); then
    cat $work/agent.err >&2
    echo "api: the agent does not say that it is ready" >&2
    exit 1
  fi
  sleep 0.1
done

failed=()
step() { # step WHAT COMMAND...
  echo "-- $1"
  "${@:2}" || failed+=("$1")
}
python=$(tests/api/venv.sh)
step "through rackspace-monitoring" "$python" -B tests/api/client.py $url --token $write_token --binary "$binary"
step "scraped by Prometheus" tests/api/prometheus.sh $url $read_token
step "changes at random" python3 -B tests/api/storm.py --binary "$binary" --seconds 15
step "50 clients at once" python3 -B tests/api/load.py $url --token $read_token --pid $agent --seconds "$seconds"
# The last, because it may change what the others look at.
step "by its own description" tests/api/schema.sh $url $write_token

step "still ready after that" ready
kill -TERM $agent
code=0
wait $agent || code=$?
trap - EXIT
# A preview that is stopped has done what it was asked for.
[ $code -eq 0 ] || failed+=("SIGTERM: exit code $code")

if [ ${#failed[@]} -gt 0 ]; then
  cat $work/agent.err >&2
  printf 'api: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
