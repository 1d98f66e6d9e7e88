#!/usr/bin/env bash
# The one command that checks everything, on a fresh Debian machine too: it installs what it
# needs, then runs formatting, lints, all tests, the static build and the end-to-end tests.
# A part that cannot run says so loudly; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
# nohup, and a shell that starts this in the background, have some signals ignored, and all that runs
# here would inherit that. Tests of signals need them as a user has them.
if [ -z "${SIGNALS_ARE_DEFAULT:-}" ] && env --default-signal true 2> /dev/null; then
  SIGNALS_ARE_DEFAULT=1 exec env --default-signal bash scripts/test.sh "$@"
fi
target=x86_64-unknown-linux-musl
binary=target/$target/release/cloudwatch_metrics_agent

# With the seconds since the start, so that it shows what takes its time.
step() { printf '\n==> %s (at %d s)\n' "$*" "$SECONDS"; }

# Says what cannot run. In CI that is a failure; elsewhere the end repeats it.
skipped=()
skip() {
  printf '\n!!! SKIPPED: %s\n' "$*" >&2
  [ "${CI:-}" != true ] || exit 1
  skipped+=("$*")
}

step "packages"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need cc build-essential
need musl-gcc musl-tools
need unshare util-linux
need ip iproute2
need mkfs.ext4 e2fsprogs
need free procps
need mandoc mandoc
need zsh zsh
need fish fish
need python3 python3
python3 -c "import ensurepip" 2> /dev/null || needs+=(python3-venv)
[ -x /usr/lib/nagios/plugins/check_load ] || needs+=(monitoring-plugins-basic)
need redis-server redis-server
need redis-cli redis-tools
need mariadbd mariadb-server
need mariadb mariadb-client
need openssl openssl
need curl curl
need nginx nginx-light
need apache2 apache2
need prometheus-node-exporter prometheus-node-exporter
need promtool prometheus
need collectdctl collectd-utils
[ -s /etc/ssl/certs/ca-certificates.crt ] || needs+=(ca-certificates)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${needs[@]}" > /dev/null
fi
# The toolchain, its components and targets are those of rust-toolchain.toml.
rustup show active-toolchain || rustup toolchain install
rustup target add $target > /dev/null

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

step "Dockerfiles, workflows, scripts"
tests/release/lint.sh

step "building the tests"
# The client of StatsD that Python programs use.
if [ -x target/statsd-venv/bin/python ] || python3 -m venv target/statsd-venv; then
  target/statsd-venv/bin/python -m pip install --quiet --disable-pip-version-check statsd==4.0.1
  export STATSD_PYTHON=$PWD/target/statsd-venv/bin/python
fi
cargo test --workspace --locked --no-run --quiet

step "tests"
beside=
soak=
trap 'kill $beside $soak 2> /dev/null || true' EXIT
# The tests wait most of their time. What needs the processors runs beside them, and gives way to them.
nice -n 19 scripts/beside_tests.sh $target > target/beside_tests.log 2>&1 &
beside=$!
cargo test --workspace --locked

step "static build, macOS, licences, begun before"
wait $beside || { cat target/beside_tests.log; exit 1; }
cat target/beside_tests.log
linkage=$(ldd "$binary" 2>&1 || true)
case $linkage in
  *"statically linked"*) ;;
  *) echo "the binary is not static: $linkage" >&2; exit 1 ;;
esac
readelf -h "$binary" | grep -q 'Type: *DYN' || { echo "the binary is not position-independent" >&2; exit 1; }
echo "binary: static-pie"

step "what it costs, against the stored figures"
scripts/footprint.sh --ours

# It needs little of the machine, and runs beside all that follows.
scripts/soak.sh 10 > target/soak.log 2>&1 &
soak=$!

cargo build --quiet --locked -p fake-cloudwatch
fake=target/debug/fake-cloudwatch
parts=target/parts
rm -rf $parts && mkdir -p $parts

# Runs a part of a lane, whose output goes to a file of its own. A part exits with 3 where this machine cannot
# run it, having said why; any other failure ends its lane. `folder` is that of the lane.
part() { # part WHAT COMMAND...
  local what=$1 code=0 begin=$SECONDS
  shift
  "$@" > "$folder/log" 2>&1 || code=$?
  {
    printf '\n==> %s (%d s)\n' "$what" $((SECONDS - begin))
    cat "$folder/log"
  } >> "$folder/output"
  printf '%s\t%d\t%s\n' $code $((SECONDS - begin)) "$what" >> "$folder/results"
  [ $code = 0 ] || [ $code = 3 ]
}

# What waits most of its time, and what needs the processors, side by side: one after the other they take half an hour.
waiting_lane() {
  part "documents: every command runs, every link leads somewhere" tests/documents/run.sh "$binary" $fake
  part "the API from outside: a client library, Prometheus, 50 clients, and by its own description" \
    tests/api/run.sh "$binary"
  part "OTLP, read by generated code and with an independent signature" tests/otlp/run.sh "$binary"
  part "the API with a real Keystone" tests/api/keystone.sh "$binary"
  part "the socket for clients of collectd, asked by the real ones" tests/api/collectd.sh "$binary"
  part "a root directory with nothing in it but the binary" scripts/test_empty_root.sh "$binary" $fake
  part "the fault matrix: every fault, with SIGTERM at every moment" scripts/faults.sh
}
working_lane() {
  part "examples: each by its format's rules, and with the real binary" tests/examples/run.sh "$binary"
  part "the systemd unit in a machine whose first process is systemd" tests/examples/boot.sh "$binary"
  part "real containers: limits, page cache, events, docker stop, and the agent beside a command" \
    tests/docker/run.sh "$PWD/$binary" $fake
  part "the image and the demo" tests/docker/image.sh "$PWD/$binary"
  part "the page of the API, in a browser" tests/page/run.sh "$binary"
  part "end to end: an independent CloudWatch, read back with boto3" tests/e2e/run.sh "$binary"
}
# Both lanes install packages, and apt-get does not wait for another one that updates its lists.
mkdir -p target/bin
printf '#!/bin/sh\nexec flock "%s" %s "$@"\n' "$PWD/target/apt.lock" "$(command -v apt-get)" > target/bin/apt-get
chmod +x target/bin/apt-get
export PATH=$PWD/target/bin:$PATH
# Alone: where something else uses the processors, the clock of an emulated machine and the time that its
# processes use no longer fit together.
kernels_lane() {
  part "real kernels: cgroup version 2, version 1 and hybrid" tests/kernel/run.sh "$PWD/$binary"
  part "a real kernel: pressure, a disk, processes and swap" tests/kernel/others.sh "$PWD/$binary"
  part "a real kernel: pods as in Kubernetes, by runc and with AppArmor" tests/kernel/pod.sh "$PWD/$binary"
}
mkdir -p $parts/kernels
failed=
step "real kernels"
(
  folder=$parts/kernels
  kernels_lane
) &
wait $! || failed=1
step "two lanes of parts, side by side"
lanes=()
for lane in waiting working; do
  mkdir -p $parts/$lane
  (
    folder=$parts/$lane
    ${lane}_lane
  ) &
  lanes+=($!)
done
trap 'kill $soak "${lanes[@]}" 2> /dev/null || true' EXIT
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
cat $parts/*/output
while IFS=$'\t' read -r code _ what; do
  [ "$code" != 3 ] || skip "$what"
done < <(cat $parts/*/results)
if [ -n "$failed" ]; then
  cat $parts/*/results | awk -F '\t' '$1 != 0 && $1 != 3 { print "failed: " $3 }' >&2
  exit 1
fi

step "ten minutes among faults, begun before"
wait $soak || { cat target/soak.log; exit 1; }
cat target/soak.log

if [ ${#skipped[@]} -gt 0 ]; then
  printf '\n!!! passed, but this did not run:\n' >&2
  printf '!!!   %s\n' "${skipped[@]}" >&2
else
  step "all passed"
fi
cat $parts/*/results | sort -t "$(printf '\t')" -k 2 -rn | awk -F '\t' '{ printf "%6d s  %s\n", $2, $3 }'
