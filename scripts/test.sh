#!/usr/bin/env bash
# The one command that checks everything, on a fresh Debian machine too: it installs what it
# needs, then runs formatting, lints, all tests, the static build and the end-to-end tests.
# A part that cannot run says so loudly; with CI=true that is a failure.
#
#   scripts/test.sh              everything; 40 minutes on two cores
#   scripts/test.sh PART...      these parts alone: a part of the table at the end, or a target of cargo test,
#                                such as checks or history
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

# What there is beside `cargo test`. A part exits with 3 where this machine cannot run it, having said why.
declare -A says=(
  [documents]="every command runs, every link leads somewhere"
  [api]="from outside: a client library, Prometheus, 50 clients, and by its own description"
  [otlp]="read by generated code and with an independent signature"
  [keystone]="the API with a real Keystone"
  [collectd]="the socket for clients of collectd, asked by the real ones"
  [empty-root]="a root directory with nothing in it but the binary"
  [faults]="the fault matrix: every fault but those of the clock, with SIGTERM at every moment"
  [examples]="each by its format's rules, and with the real binary; scripts/demo.sh"
  [boot]="the systemd unit in a machine whose first process is systemd"
  [ansible]="the role of Ansible in a machine whose first process is systemd"
  [docker]="real containers: limits, page cache, events, docker stop, and the agent beside a command"
  [image]="the image and the demo"
  [page]="the page of the API, in a browser"
  [e2e]="an independent CloudWatch, read back with boto3"
  [kernel]="real kernels: cgroup version 2, version 1 and hybrid"
  [numbers]="a real kernel: pressure, a disk, processes and swap"
  [pod]="a real kernel: pods as in Kubernetes, by runc and with AppArmor"
  [clock]="a real kernel: the fault matrix, as far as its faults are those of the clock"
  [sidecar]="the build without the host agent"
)
run() {
  case $1 in
    documents) tests/documents/run.sh "$binary" $fake ;;
    api) tests/api/run.sh "$binary" ;;
    otlp) tests/otlp/run.sh "$binary" ;;
    keystone) tests/api/keystone.sh "$binary" ;;
    collectd) tests/api/collectd.sh "$binary" ;;
    empty-root) scripts/test_empty_root.sh "$binary" $fake ;;
    faults) scripts/faults.sh --here ;;
    clock) scripts/faults.sh --clock ;;
    examples) tests/examples/run.sh "$binary" ;;
    boot) tests/examples/boot.sh "$binary" ;;
    # The other cases are tried with the packages of a release.
    ansible) tests/examples/ansible.sh "$binary" $fake the_example_installs_once a_change_restarts_it what_the_agent_refuses_is_not_put_there a_run_that_fails_leaves_no_restart_undone ;;
    docker) tests/docker/run.sh "$PWD/$binary" $fake ;;
    image) tests/docker/image.sh "$PWD/$binary" ;;
    page) tests/page/run.sh "$binary" ;;
    e2e) tests/e2e/run.sh "$binary" ;;
    kernel) tests/kernel/run.sh "$PWD/$binary" ;;
    numbers) tests/kernel/others.sh "$PWD/$binary" ;;
    pod) tests/kernel/pod.sh "$PWD/$binary" ;;
    sidecar) scripts/sidecar.sh target/sidecar/cloudwatch_metrics_agent ;;
    lib) cargo test --locked --lib ;;
    *) cargo test --locked --test "$1" ;;
  esac
}

# Runs parts one after the other; the output of each goes to a file. One that fails ends them.
lane() { # lane FOLDER PART...
  local folder=$1 name code begin
  shift
  mkdir -p "$folder"
  for name in "$@"; do
    code=0 begin=$SECONDS
    run "$name" > "$folder/log" 2>&1 || code=$?
    {
      printf '\n==> %s: %s (%d s)\n' "$name" "${says[$name]:-cargo test}" $((SECONDS - begin))
      cat "$folder/log"
    } >> "$folder/output"
    printf '%d\t%d\t%s\t%s\n' $code $((SECONDS - begin)) "$(passed < "$folder/log")" "$name" >> "$folder/results"
    [ $code = 0 ] || [ $code = 3 ] || return 1
  done
}

# How many tests an output tells of.
passed() {
  grep -oE '[0-9]+ (passed|commands run)|[0-9]+ of [0-9]+ (cases|cells)|Ran [0-9]+ tests?' | sed 's/Ran //' | awk '{ sum += $1 } END { print sum ? sum : "-" }'
}

# Each part with its count of tests and its time.
table() {
  printf '\n%8s  %8s  part\n' seconds tests
  sort -t "$(printf '\t')" -k 2 -rn "$parts"/*/results | awk -F '\t' '{ printf "%8d  %8s  %s\n", $2, $3, $4 }'
}

parts=target/parts fake=target/debug/fake-cloudwatch
for name in "$@"; do
  [ -n "${says[$name]:-}" ] || [ "$name" = lib ] || [ -e "tests/$name.rs" ] || [ -e "tests/$name/main.rs" ] || {
    echo "$0: there is no part \"$name\": expected lib, a target of cargo test, or one of ${!says[*]}" >&2
    exit 2
  }
done

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
rm -rf $parts && mkdir -p $parts

if [ $# -gt 0 ]; then
  step "build"
  scripts/static.sh $target
  cargo build --quiet --locked -p fake-cloudwatch
  failed=
  lane $parts/alone "$@" || failed=1
  cat $parts/alone/output
  table
  [ -z "$failed" ] || exit 1
  # One that could not run has said why.
  ! grep -q '^3' $parts/alone/results || exit 3
  exit 0
fi

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

# Parts install packages side by side, and apt-get does not wait for another one that updates its lists.
mkdir -p target/bin
printf '#!/bin/sh\nexec flock "%s" %s "$@"\n' "$PWD/target/apt.lock" "$(command -v apt-get)" > target/bin/apt-get
chmod +x target/bin/apt-get
export PATH=$PWD/target/bin:$PATH

step "tests"
# The tests wait most of their time. What needs the processors or ten minutes runs beside them.
scripts/beside_tests.sh $target > target/beside_tests.log 2>&1 &
beside=$!
trap 'kill $beside 2> /dev/null || true' EXIT
mkdir -p $parts/cargo
begin=$SECONDS
cargo test --workspace --locked 2>&1 | tee $parts/cargo/log
printf '0\t%d\t%s\t%s\n' $((SECONDS - begin)) "$(passed < $parts/cargo/log)" "cargo test --workspace" > $parts/cargo/results

step "static builds, macOS, licences and ten minutes among faults, begun before"
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

cargo build --quiet --locked -p fake-cloudwatch
failed=
# Alone: where something else uses the processors, the clock of an emulated machine and the time that its
# processes use no longer fit together.
step "real kernels"
lane $parts/kernels kernel numbers pod clock || failed=1
# Most of these wait for most of their time: one after the other they take half an hour.
step "three lanes of parts, side by side"
lanes=()
lane $parts/measuring faults examples boot e2e documents &
lanes+=($!)
lane $parts/asking sidecar api otlp keystone collectd empty-root ansible &
lanes+=($!)
lane $parts/containers docker image page &
lanes+=($!)
trap 'kill "${lanes[@]}" 2> /dev/null || true' EXIT
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
cat $parts/*/output
while IFS=$'\t' read -r code _ _ name; do
  [ "$code" != 3 ] || skip "$name"
done < <(cat $parts/*/results)
if [ -n "$failed" ]; then
  cat $parts/*/results | awk -F '\t' '$1 != 0 && $1 != 3 { print "failed: " $4 }' >&2
  exit 1
fi

if [ ${#skipped[@]} -gt 0 ]; then
  printf '\n!!! passed, but this did not run:\n' >&2
  printf '!!!   %s\n' "${skipped[@]}" >&2
else
  step "all passed"
fi
table
