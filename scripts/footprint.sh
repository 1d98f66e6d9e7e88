#!/usr/bin/env bash
# What the agent costs while it publishes over TLS. A benchmark: it prints figures and the budgets
# they are held against, and fails only if it cannot measure.
#
#   scripts/footprint.sh [SECONDS]     how long to run after the first request, 120 by default
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-120}
target=x86_64-unknown-linux-musl
agent=target/$target/release/cloudwatch_metrics_agent
server=target/release/fake-cloudwatch
work=target/footprint
runs=11
# A whole period, and the longest delay after it: by then the first request is through.
first=90

for tool in strace openssl; do
  command -v "$tool" > /dev/null || { echo "footprint.sh: $tool is missing: apt-get install $tool" >&2; exit 1; }
done
system_roots=/etc/ssl/certs/ca-certificates.crt
[ -s $system_roots ] || { echo "footprint.sh: $system_roots is missing: apt-get install ca-certificates" >&2; exit 1; }

cargo build --quiet --release --target $target
cargo build --quiet --release -p fake-cloudwatch
mkdir -p $work

children=()
end_children() { for pid in "${children[@]}"; do kill "$pid" 2> /dev/null || true; done; }
trap end_children EXIT

# The endpoint, and its authority among a full bundle of trusted roots.
mkfifo -m 600 $work/ready.$$
$server --tls --ca-file $work/ca.pem > $work/ready.$$ &
children+=($!)
exec 3< $work/ready.$$
rm $work/ready.$$
read -r url <&3
cat > $work/taken.log <&3 &
children+=($!)
cat $system_roots $work/ca.pem > $work/roots.pem

export SSL_CERT_FILE=$PWD/$work/roots.pem AWS_REGION=eu-west-1
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret
options=(--namespace Footprint --service footprint --endpoint-url "$url")

now_ms() { date +%s%3N; }
status() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"; }
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

row() { printf '%-46s %14s   %s\n' "$1" "$2" "$3"; }
row figure measured budget
row "binary, bytes" "$(stat -c %s $agent)" "4500000"
row "trusted roots" "$(grep -c BEGIN $work/roots.pem)" ""

# From exec to the first reading, as strace sees it: the time of the first read of /proc/stat.
first_sample() {
  strace -f -ttt -e trace=execve,pread64 -o $work/strace.log \
    timeout --signal=TERM 0.3 $agent "${options[@]}" > /dev/null 2>&1 || true
  awk '/execve\(.*cloudwatch_metrics_agent/ { start = $2 } start && /pread64/ { printf "%.1f\n", ($2 - start) * 1000; exit }' $work/strace.log
}
row "exec to first reading, ms (under strace)" "$(for _ in $(seq $runs); do first_sample; done | median)" "50"

# From SIGTERM to exit, with the last window delivered on this machine.
flush_ms() {
  RUST_LOG=info $agent "${options[@]}" --period 86400 2> $work/flush.log &
  local pid=$!
  # The log has a line once the first reading was taken; a moment more gives it a CPU sample.
  until grep -q 'percent of' $work/flush.log; do sleep 0.05; done
  sleep 0.2
  local start; start=$(now_ms)
  kill -TERM $pid
  wait $pid
  echo $(($(now_ms) - start))
  grep -q 'delivered=1 .*undelivered=0' $work/flush.log || { cat $work/flush.log >&2; exit 1; }
}
row "SIGTERM to exit, last window delivered, ms" "$(for _ in $(seq $runs); do flush_ms; done | median)" "100"

$agent "${options[@]}" &
pid=$!
children+=($pid)
cpu_ns() { awk '{ print $1 }' /proc/$pid/schedstat; }
sleep "$first"
cpu_first=$(cpu_ns)
sleep "$seconds"
cpu_all=$(cpu_ns)
row "requests taken, those of the flushes included" "$(wc -l < $work/taken.log)" ""
row "RSS at the end, kB" "$(status VmRSS $pid)" "4608"
row "  of it anonymous, kB" "$(status RssAnon $pid)" ""
row "  of it mapped from the binary, kB" "$(status RssFile $pid)" ""
row "RSS at its peak, kB" "$(status VmHWM $pid)" ""
row "threads" "$(status Threads $pid)" "1"
row "CPU of the first $first s, first request included, s" "$(awk -v ns="$cpu_first" 'BEGIN { printf "%.4f", ns / 1e9 }')" ""
cpu=$(awk -v ns="$((cpu_all - cpu_first))" -v s="$seconds" 'BEGIN { printf "%.4f", ns / 1e9 / s * 60 }')
row "CPU a minute, after that, s" "$cpu" "0.02"
row "voluntary context switches a minute" "$(($(status voluntary_ctxt_switches $pid) * 60 / (first + seconds)))" ""
kill -TERM $pid
wait $pid
